"""`make dev`: an API under uvicorn with reload, models in process, no Ray."""

# As in `serve.py`, all but the standard library is imported inside functions, once Ctrl-C is
# handled.

import argparse
import os
import signal
import sys
from pathlib import Path
from pkgutil import resolve_name

from .free_ports import refuse_taken_port

HOST = "127.0.0.1"


def main(app: str, check_settings: str, sources: Path) -> None:
    """Serve until stopped, and reload on changes.

    Args:
        app: Where the function is that makes the application, "package.module:function".
        check_settings: Where the function is that checks the settings of the service.
        sources: The folder that is watched for changes.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("Stopped."))
    parser = argparse.ArgumentParser(description="Serve without Ray, and reload on changes.")
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port

    import uvicorn
    from dotenv import load_dotenv

    from servekit.settings import SettingsError

    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    refuse_taken_port(HOST, port)
    try:
        resolve_name(check_settings)()
    except SettingsError as error:
        sys.exit(str(error))
    print(f"Serving on http://{HOST}:{port} (Ctrl-C stops).", flush=True)
    uvicorn.run(
        app,
        factory=True,
        host=HOST,
        port=port,
        reload=True,
        reload_dirs=[str(sources)],
        reload_includes=["*.py", "*.html"],
        log_level="warning",
        access_log=False,
        proxy_headers=False,
    )
