"""Models and services in this process, without Ray."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from servekit.contracts import Contract, Ports
from servekit.serving.client import ModelClient
from servekit.serving.deployment import ModelDeployment
from servekit.serving.in_process import InProcessTransport
from servekit.serving.settings import BatcherSettings
from servekit.testing.fakes import FakeMeter
from servekit.testing.subprocesses import free_port

from tests.browser import wait_for


def ports_around(models: Mapping[Contract, type[Any]]) -> Ports:
    """Ports that ask real deployments of these classes, one for each contract."""
    meter, settings = FakeMeter(), BatcherSettings()
    clients: dict[str, ModelClient] = {}
    for contract, kind in models.items():
        deployment = ModelDeployment(contract, f"{kind.__module__}:{kind.__name__}")
        transport = InProcessTransport(contract.name, deployment, 5)
        clients[contract.name] = ModelClient(contract.name, transport, settings, meter)
    return Ports(clients, meter, {one.name: one for one in models})


@contextmanager
def listening(app: ASGIApp) -> Iterator[str]:
    """The URL of an application, which a thread serves meanwhile."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
    thread = Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    try:
        wait_for(lambda: server.started, "the service")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
