"""A model as tests ask it: by the routes of the service, or by an application of its own."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient
from httpx2 import Client, Response
from pydantic import TypeAdapter

from servekit.api import Service, create_app
from servekit.api.models import model_router
from servekit.contracts import NullMeter, Ports
from servekit.registry.golden import GoldenExample
from servekit.registry.settings import StoreSettings
from servekit.serving.client import ModelClient
from servekit.serving.deployment import ModelDeployment, checked_load, imported
from servekit.serving.in_process import InProcessTransport
from servekit.serving.model import Model
from servekit.serving.settings import BatcherSettings

from .authenticated_client import HEADERS
from .project import tested

TIMEOUT_S = 30


class Asked(NamedTuple):
    """A model, and how it is asked.

    client, prefix: where its routes are.
    examples: golden examples of the version that answers.
    version: that one, as `X-Model` names it.
    by_itself: whether the routes are in an application of its own, without features.
    """

    model: Model
    client: Client
    prefix: str
    examples: list[GoldenExample]
    version: str
    by_itself: bool

    def post(self, path: str, body: Any, *, anonymous: bool = False) -> Response:
        request = self.client.build_request("POST", self.prefix + path, json=body)
        for name in HEADERS if anonymous else ():
            request.headers.pop(name, None)
        return self.client.send(request)

    def get(self, path: str) -> Response:
        return self.client.get(path)

    def value(self, body: Any) -> Any:
        """An answer as golden examples are compared with it: fields of a tuple have names."""
        if isinstance(body, list):
            return TypeAdapter(self.model.contract.output).validate_python(body)
        return body

    def need(self, feature: str) -> None:
        """Skip the test where requests do not meet this feature of the kit."""
        if self.by_itself or find_spec(f"servekit.features.{feature}") is None:
            pytest.skip(f"Requests do not meet the feature {feature}.")


def asked_at(client: Client, model: Model) -> Asked | None:
    """The model by its routes in a service, if `model_router` has made any there."""
    paths = client.get("/openapi.json").json()["paths"]
    for path, operations in paths.items():
        if operations.get("post", {}).get("operationId") == f"predict_{model.name}":
            return _asked(client, model, path, by_itself=False)
    return None


@contextmanager
def asked_by_itself() -> Iterator[Callable[[Model], Asked]]:
    """Gives models by applications of their own, one for each model."""
    clients: dict[Model, Client] = {}
    with ExitStack() as stack:

        def ask(model: Model) -> Asked:
            if model not in clients:
                clients[model] = stack.enter_context(_serving(model))
            return _asked(clients[model], model, "/alone", by_itself=True)

        yield ask


@contextmanager
def _serving(model: Model) -> Iterator[Client]:
    held = model.held(tuple(tested().wiring.sources()), None)
    transport = InProcessTransport(model.name, held, TIMEOUT_S)
    asking = ModelClient(model.name, transport, BatcherSettings(), NullMeter())
    ports = Ports({model.name: asking}, NullMeter(), {model.name: model.contract})
    service = Service(name="Alone", slug="alone", package=tested().package, version="1")
    app = create_app(service, ports, [model_router(model.contract, "/alone")])
    with closing(held), TestClient(app) as client:
        yield client


def _asked(client: Client, model: Model, prefix: str, *, by_itself: bool) -> Asked:
    examples = model.golden(tuple(tested().wiring.sources()))
    assert examples, f"The {model.name} model has no golden examples."
    [version] = [
        f"{model.name}:{one['version']}" if one["version"] else model.name
        for one in client.get("/v1/models").json()
        if one["name"] == model.name
    ]
    return Asked(model, client, prefix, examples, version, by_itself)


class PoisonedDeployment(ModelDeployment):
    """Holds a model that fails whenever one item is among those that it is asked."""

    def __init__(self, model: Model, poison: Any) -> None:
        self._prepare(model.contract, model.path)
        self._model: Future[Any] = Future()
        self._model.set_result(_Poisoned(loaded(model), poison))


class _Poisoned:
    def __init__(self, model: Any, poison: Any) -> None:
        self._inner = model
        self._poison = poison

    def predict(self, items: list[Any]) -> Any:
        if any(item is self._poison for item in items):
            raise ValueError("poisoned")
        return self._inner.predict(items)


def loaded(model: Model) -> Any:
    """The model itself: of the champion, where it has versions."""
    if model.versioned:
        store = model.store(tuple(tested().wiring.sources()), StoreSettings.load())
        return checked_load(model.contract, model.path)(store.open(f"{model.name}@champion"))
    kind = imported(model.name, model.path, "predict")
    return kind.load() if hasattr(kind, "load") else kind()
