"""`make dev`: the API under uvicorn with reload, models in process, no Ray."""

import argparse
import os
import sys
from pathlib import Path

import uvicorn
from dotenv import load_dotenv
from starlette.types import ASGIApp

from acme_service.api.request_id import AnswersRequestId
from acme_service.api.settings import SettingsError

from .assembly import assemble, check_settings, local_models, ports_over
from .listening import refuse_taken_port

HOST = "127.0.0.1"
SOURCE = Path(__file__).parents[1]


class NullMeter:
    """Drops what it is told: in development nobody collects."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        return None

    def observe(self, name: str, value: float, **labels: str) -> None:
        return None


def app() -> ASGIApp:
    """The service in this process, answering request ids as Ray Serve's proxy would."""
    return AnswersRequestId(assemble(ports_over(*local_models(), NullMeter())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    refuse_taken_port(HOST, port)
    try:
        check_settings()
    except SettingsError as error:
        sys.exit(str(error))
    uvicorn.run(
        f"{__name__ if __name__ != '__main__' else __spec__.name}:app",
        factory=True,
        host=HOST,
        port=port,
        reload=True,
        reload_dirs=[str(SOURCE)],
        reload_includes=["*.py", "*.html"],
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    main()
