"""`make dev`: an API under uvicorn with reload, models in process, no Ray."""

import os
import sys
from pathlib import Path
from pkgutil import resolve_name

from .free_ports import refuse_taken_port

HOST = "127.0.0.1"


def develop(wiring: str, port: int) -> None:
    """Serve until stopped, and reload on changes.

    Args:
        wiring: Where the wiring of the service is, "package.module:NAME".
        port: Of this machine alone.

    Raises:
        SystemExit: A setting or the port cannot be used.
    """
    import uvicorn
    from dotenv import load_dotenv

    from servekit.commands import refuse_unknown_propagators
    from servekit.settings import SettingsError

    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    refuse_unknown_propagators()
    refuse_taken_port(HOST, port)
    try:
        resolve_name(f"{wiring}.check_all")()
    except SettingsError as error:
        sys.exit(str(error))
    package = sys.modules[wiring.partition(".")[0]]
    print(f"Serving on http://{HOST}:{port} (Ctrl-C stops).", flush=True)
    uvicorn.run(
        f"{wiring}.development",
        factory=True,
        host=HOST,
        port=port,
        reload=True,
        reload_dirs=[*map(str, map(Path, package.__path__))],
        reload_includes=["*.py", "*.html"],
        log_level="warning",
        # httptools loses the body of a client that offers an upgrade, as Java's does.
        http="h11",
        access_log=False,
        proxy_headers=False,
    )
