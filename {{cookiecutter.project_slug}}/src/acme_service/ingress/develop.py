"""`make dev`: this service under uvicorn with reload, models in process, no Ray."""

# The application is imported inside `app`, once Ctrl-C is looked after.

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from servekit.commands.dev import main

if TYPE_CHECKING:
    from starlette.types import ASGIApp

CHECK = "acme_service.ingress.assembly:check_settings"
SOURCES = Path(__file__).parents[1]

if __name__ == "__mp_main__":
    # The process that uvicorn reloads: its parent sees the Ctrl-C too, and ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def app() -> "ASGIApp":
    """The service in this process, answering request ids as Ray Serve's proxy would."""
    from servekit.api.request_id import AnswersRequestId
    from servekit.contracts import NullMeter

    from .assembly import assemble, check_settings, local_calls, ports_over

    checked = check_settings()
    calls = local_calls(checked.batcher)
    ports = ports_over(calls, NullMeter(), checked.features, checked.batcher)
    return AnswersRequestId(assemble(ports, checked))


if __name__ == "__main__":
    main(f"{__spec__.name}:app", CHECK, SOURCES)
