"""What plugs into the API, and in which order it takes effect."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Request, WebSocket
from fastapi.dependencies.models import Dependant
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from servekit.api import Feature
from servekit.api.readiness import NO_ANSWER
from servekit.api.settings import ApiSettings
from servekit.contracts import (
    CHAMPION,
    ModelError,
    ModelReplacedError,
    Ports,
    Prediction,
    WrappedPredictor,
)
from servekit.testing.subprocesses import printed_by

from tests.fakes import FailingDetector, FakeDetector, create_app, fake_ports

TEXT = {"text": "fine"}


class Note:
    """Middleware that notes when a request passes."""

    def __init__(self, app: ASGIApp, name: str, notes: list[str]) -> None:
        self.app, self.name, self.notes = app, name, notes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.notes.append(self.name)
        await self.app(scope, receive, send)


async def needs_a_key(connection: HTTPConnection) -> None:
    if connection.headers.get("x-key") != "right":
        raise HTTPException(401, "Who are you?")


def test_middleware_runs_in_the_order_of_the_features() -> None:
    notes: list[str] = []
    features = [
        Feature(name=name, middleware=[Middleware(Note, name=name, notes=notes)])
        for name in ("outer", "inner")
    ]
    TestClient(create_app(fake_ports(), features)).get("/health/live")
    assert notes == ["outer", "inner"]


def test_a_guard_stands_before_every_model_route_and_no_other() -> None:
    router = APIRouter(prefix="/v1")

    @router.websocket("/ws")
    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    guarded = Feature(name="guard", guards=[needs_a_key], model_routers=[router])
    client = TestClient(create_app(fake_ports(), [guarded]))
    assert client.post("/v1/detect", json=TEXT).status_code == 401
    assert client.post("/v1/detect", json=TEXT, headers={"x-key": "right"}).is_success
    assert client.get("/health/ready").is_success
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/v1/ws"):
        pass
    with client.websocket_connect("/v1/ws", headers={"x-key": "right"}):
        pass


def test_guards_run_in_the_order_of_the_features() -> None:
    notes: list[str] = []

    def noting(name: str) -> Feature:
        async def guard(_: HTTPConnection) -> None:
            notes.append(name)

        return Feature(name=name, guards=[guard])

    client = TestClient(create_app(fake_ports(), [noting("first"), noting("second")]))
    client.post("/v1/detect", json=TEXT)
    assert notes == ["first", "second"]


def test_open_routes_pass_no_guard() -> None:
    router = APIRouter()

    @router.get("/page")
    async def page() -> str:
        return "hello"

    feature = Feature(name="page", routers=[router], guards=[needs_a_key])
    assert TestClient(create_app(fake_ports(), [feature])).get("/page").json() == "hello"


def test_the_first_feature_wraps_outermost() -> None:
    asked: list[str] = []

    def wrapping(name: str) -> Feature:
        class Wrapped(WrappedPredictor):
            async def predict(self, item: Any, version: str = CHAMPION) -> Prediction[Any]:
                asked.append(name)
                return await self.inner.predict(item, version)

        def wrap(ports: Ports) -> Ports:
            return ports.wrapped(lambda _, model: Wrapped(model))

        return Feature(name=name, wrap=wrap)

    client = TestClient(create_app(fake_ports(), [wrapping("outer"), wrapping("inner")]))
    client.post("/v1/detect", json=TEXT)
    assert asked == ["outer", "inner"]


def test_a_feature_starts_and_stops_with_the_service() -> None:
    notes: list[str] = []

    def living(name: str) -> Feature:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            notes.append(f"{name} starts")
            yield
            notes.append(f"{name} stops")

        return Feature(name=name, lifespan=lifespan)

    with TestClient(create_app(fake_ports(), [living("a"), living("b")])):
        assert notes == ["a starts", "b starts"]
    assert notes[2:] == ["b stops", "a stops"]


def test_a_feature_may_handle_its_own_errors() -> None:
    router = APIRouter()

    @router.get("/odd")
    async def odd() -> None:
        raise LookupError

    async def handle(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse("handled", 418)

    feature = Feature(name="odd", routers=[router], handlers={LookupError: handle})
    assert TestClient(create_app(fake_ports(), [feature])).get("/odd").status_code == 418


def test_readiness_asks_the_features_and_names_what_fails() -> None:
    async def broken() -> None:
        raise ModelError("broken")

    client = TestClient(create_app(fake_ports(), [Feature(name="database", checks=[broken])]))
    response = client.get("/health/ready")
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["detail"] == "Not ready: database."
    assert client.get("/health/live").is_success


def test_an_optional_model_that_fails_is_a_note() -> None:
    ports = fake_ports(mood=FailingDetector(ModelError("broken")))
    response = TestClient(create_app(ports)).get("/health/ready")
    assert (response.status_code, response.json()["notes"]) == (200, {"mood": NO_ANSWER})


def test_a_note_of_a_model_is_shown_and_makes_nothing_unready() -> None:
    class Noted(FakeDetector):
        async def check(self) -> str:
            return "Version 2 was refused; version 1 answers."

    quiet = TestClient(create_app(fake_ports())).get("/health/ready")
    assert quiet.json() == {"status": "ready"}
    noted = TestClient(create_app(fake_ports(Noted()))).get("/health/ready")
    notes = {"language": "Version 2 was refused; version 1 answers."}
    assert (noted.status_code, noted.json()) == (200, {"status": "ready", "notes": notes})


def test_a_version_that_is_gone_is_worth_asking_again() -> None:
    detector = FailingDetector(ModelReplacedError("It is not held any longer."))
    response = TestClient(create_app(fake_ports(detector))).post("/v1/detect", json=TEXT)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")


def test_the_body_limit_comes_from_the_settings() -> None:
    client = TestClient(create_app(fake_ports(), settings=ApiSettings(max_body_bytes=1024)))
    assert client.post("/v1/detect", json={"text": "a" * 900}).is_success
    assert client.post("/v1/detect", json={"text": "a" * 1024}).status_code == 413


def test_cors_is_off_until_origins_are_set() -> None:
    headers = {"Origin": "https://app.example"}
    closed = TestClient(create_app(fake_ports()))
    assert "access-control-allow-origin" not in closed.get("/", headers=headers).headers

    settings = ApiSettings(cors_origins=("https://app.example",), max_body_bytes=1024)
    opened = TestClient(create_app(fake_ports(), settings=settings))
    allowed = opened.get("/", headers=headers).headers["access-control-allow-origin"]
    assert allowed == "https://app.example"
    refused = opened.post("/v1/detect", content=b"a" * 2000, headers=headers)
    assert refused.headers["access-control-allow-origin"] == "https://app.example"
    stranger = opened.get("/", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers


def test_scripts_may_read_the_headers_of_features() -> None:
    settings = ApiSettings(cors_origins=("https://app.example",))
    features = [Feature(name="echo", exposed=["x-echo"])]
    client = TestClient(create_app(fake_ports(), features, settings=settings))
    headers = client.get("/", headers={"Origin": "https://app.example"}).headers
    assert {"x-echo", "x-model", "x-request-id"} <= {
        *headers["access-control-expose-headers"].split(", ")
    }


def test_any_origin_gets_no_credentials() -> None:
    settings = ApiSettings(cors_origins=("*",))
    client = TestClient(create_app(fake_ports(), settings=settings))
    headers = client.get("/", headers={"Origin": "https://evil.example"}).headers
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers


def test_docs_can_be_switched_off() -> None:
    client = TestClient(create_app(fake_ports(), settings=ApiSettings(docs=False)))
    assert [client.get(f"/{page}").status_code for page in ("docs", "openapi.json")] == [404, 404]
    assert "docs" not in client.get("/").json()["links"]


def test_cookies_need_https_unless_the_settings_say_otherwise() -> None:
    client = TestClient(create_app(fake_ports(), settings=ApiSettings(cookie_secure=False)))
    response = client.put("/v1/preferences", json={"languages": ["de"]})
    assert "Secure" not in response.headers["set-cookie"]


def test_a_file_leaves_a_line_without_the_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = TestClient(create_app(fake_ports()))
    with caplog.at_level("INFO", "acme_service.api.v1.detect"):
        client.post("/v1/detect/file", files={"file": b"s3cret"})
    record = next(one for one in caplog.records if one.name.endswith("detect"))
    said = vars(record)
    assert (said["caller"], said["language"], said["size_bytes"]) == ("anonymous", "en", 6)
    assert "s3cret" not in str(said)


def test_no_dependency_of_a_core_route_costs_a_thread() -> None:
    # FastAPI runs a dependency that is `def` in a thread, which halves the throughput.
    def calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
        for dependency in dependant.dependencies:
            if dependency.call:
                yield dependency.call
            yield from calls(dependency)

    found = [
        call
        for context in iter_route_contexts(create_app(fake_ports()).routes)
        if isinstance(context.original_route, APIRoute)
        for call in calls(context.original_route.dependant)
    ]
    assert found
    assert [
        call for call in found if not (iscoroutinefunction(call) or isasyncgenfunction(call))
    ] == []


def test_the_api_needs_neither_ray_nor_numpy() -> None:
    source = """if True:
        import sys
        import acme_service.api
        print({"ray", "numpy"} & set(sys.modules))
    """
    assert printed_by(source) == "set()"
