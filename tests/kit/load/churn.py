"""A service with three models that are no sample."""

import asyncio
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import uvicorn
from pydantic import BaseModel, Field

from servekit.api import Feature, Service, create_app
from servekit.api.models import model_router
from servekit.contracts import Contract, Ports
from servekit.registry.sources.folder import folder
from servekit.registry.sources.source import SourceKind
from servekit.serving.client import ModelClient
from servekit.serving.deployment import ModelDeployment
from servekit.serving.in_process import InProcessTransport
from servekit.serving.model import Model
from servekit.serving.settings import BatcherSettings
from servekit.testing.fakes import FakeMeter
from servekit.testing.subprocesses import free_port

from tests.browser import wait_for


class Customer(BaseModel):
    months: Annotated[int, Field(ge=0)]
    plan: str = "basic"


class Risk(BaseModel):
    churn: float
    reasons: list[str]


CHURN = Contract("churn", Customer, Risk)
SQUARE = Contract("square", Annotated[int, Field(examples=[3, 4])], int)
SILENT = Contract("silent", int, int)


class Churn:
    version = "3"

    def predict(self, items: Sequence[Customer]) -> list[Risk]:
        return [Risk(churn=1 / (1 + item.months), reasons=[item.plan]) for item in items]


class Square:
    def predict(self, items: Sequence[int]) -> list[int]:
        return [item * item for item in items]


KINDS = {CHURN: Churn, SQUARE: Square, SILENT: Square}
PREFIXES = {CHURN: "/other/risk", SQUARE: "/square", SILENT: "/silent"}
GOLDEN = [
    {"input": {"months": 2}, "output": {"churn": 0.3333}},
    {"input": {"months": 1, "plan": "gold"}, "output": {"churn": 0.5, "reasons": ["gold"]}},
]


def models() -> Iterator[Model]:
    for contract, kind in KINDS.items():
        path = f"tests.load.churn:{kind.__name__}"
        yield Model(contract, path, versioned=contract is CHURN)


def sources() -> Iterator[SourceKind]:
    yield folder


def write_version(store: Path, golden: Sequence[Any], version: str = Churn.version) -> None:
    """A version of the model `churn` with these golden examples."""
    content = "".join(f"{json.dumps(one)}\n" for one in golden).encode()
    file = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    manifest = {"name": "churn", "version": version, "files": {"golden.jsonl": file}}
    into = store / "churn" / version
    into.mkdir(parents=True)
    (into / "golden.jsonl").write_bytes(content)
    (into / "manifest.json").write_text(json.dumps(manifest))


@contextmanager
def running(*features: Feature, contracts: Sequence[Contract] = (*KINDS,)) -> Iterator[str]:
    """The URL of the service, with the models of these contracts."""
    clients: dict[str, Any] = {}
    for one in contracts:
        deployment = ModelDeployment(one, f"{__name__}:{KINDS[one].__name__}")
        transport = InProcessTransport(one.name, deployment, 5)
        clients[one.name] = ModelClient(one.name, transport, BatcherSettings(), FakeMeter())
    app = create_app(
        Service(name="Churn", slug="churn", package="churn", version="1"),
        Ports(clients, FakeMeter(), {one.name: one for one in contracts}),
        [model_router(one, PREFIXES[one]) for one in contracts],
        features,
    )
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
