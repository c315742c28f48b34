"""A service with three models that are no sample."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from servekit.api import Feature, Service, create_app
from servekit.api.models import model_router
from servekit.contracts import Contract
from servekit.registry.golden import GOLDEN as GOLDEN_FILE
from servekit.registry.sources.folder import folder
from servekit.registry.sources.source import SourceKind
from servekit.serving.model import Model
from servekit.testing.versions import publish

from tests.in_process import listening, ports_around


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
    publish(store, "churn", version, {GOLDEN_FILE: content})


@contextmanager
def running(*features: Feature, contracts: Sequence[Contract] = (*KINDS,)) -> Iterator[str]:
    """The URL of the service, with the models of these contracts."""
    app = create_app(
        Service(name="Churn", slug="churn", package="churn", version="1"),
        ports_around({one: KINDS[one] for one in contracts}),
        [model_router(one, PREFIXES[one]) for one in contracts],
        features,
    )
    with listening(app) as url:
        yield url
