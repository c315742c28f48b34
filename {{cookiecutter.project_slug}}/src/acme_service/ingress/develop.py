"""`make dev`: the API under uvicorn with reload, models in process, no Ray."""

# As in `launch.py`, all but the standard library is imported inside functions, once Ctrl-C
# is looked after.

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from servekit.commands.free_ports import refuse_taken_port

if TYPE_CHECKING:
    from starlette.types import ASGIApp

HOST = "127.0.0.1"
SOURCE = Path(__file__).parents[1]

if __name__ == "__mp_main__":
    # The process that uvicorn reloads: its parent sees the Ctrl-C too, and ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class NullMeter:
    """A meter that drops everything: development collects no metrics."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        return None

    def observe(self, name: str, value: float, **labels: str) -> None:
        return None


def app() -> "ASGIApp":
    """The service in this process, answering request ids as Ray Serve's proxy would."""
    from servekit.api.request_id import AnswersRequestId

    from .assembly import assemble, check_settings, local_calls, ports_over

    checked = check_settings()
    calls = local_calls(checked.gather)
    ports = ports_over(calls, NullMeter(), checked.features, checked.gather)
    return AnswersRequestId(assemble(ports, checked))


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("Stopped."))
    parser = argparse.ArgumentParser(description="Serve without Ray, and reload on changes.")
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port

    import uvicorn
    from dotenv import load_dotenv

    from servekit.settings import SettingsError

    from .assembly import check_settings

    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    refuse_taken_port(HOST, port)
    try:
        check_settings()
    except SettingsError as error:
        sys.exit(str(error))
    print(f"Serving on http://{HOST}:{port} (Ctrl-C stops).", flush=True)
    uvicorn.run(
        f"{__spec__.name}:app",
        factory=True,
        host=HOST,
        port=port,
        reload=True,
        reload_dirs=[str(SOURCE)],
        reload_includes=["*.py", "*.html"],
        log_level="warning",
        access_log=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
