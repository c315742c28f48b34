"""The rendered service's own API in one uvicorn process, without Ray: the practical limit.

No feature is on, so there is no request log either; with SOCKETS=1 there is the WebSocket route.
`uvicorn benchmarks.contenders.plain:app --no-access-log`, a process a worker, as in
fastapi.tiangolo.com/deployment/server-workers/
"""

import os

from my_service.app import WIRING
from servekit.api import create_app
from servekit.contracts import NullMeter
from servekit.features.websockets import websockets
from servekit.logs import configure_logging
from servekit.serving.settings import BatcherSettings

features = [websockets()] if os.environ.get("SOCKETS") else []

configure_logging("INFO", "my_service")  # as in ours
settings = BatcherSettings.load()
ports = WIRING.ports(WIRING.held(settings), NullMeter(), features, settings)
app = create_app(WIRING.service, ports, [*WIRING.routers()], features)
