"""The feature `metrics`: what is counted, and under which labels."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI, WebSocket
from fastapi.testclient import TestClient
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servekit.api import Feature
from servekit.api.errors import ProblemError
from servekit.contracts import ModelOverloadedError, Ports
from servekit.features.metrics import metrics
from servekit.testing.authenticated_client import visiting
from servekit.testing.fakes import FakeMeter

from acme_service import features as wiring

from tests.fakes import FailingDetector, create_app, fake_ports
from tests.unexpected import PATHS, SOCKETS, router

SLOW_S = 0.1
inner = APIRouter(prefix="/inner")


@inner.get("/{key}")
async def item(key: str) -> str:
    if key == "broken":
        raise RuntimeError("unforeseen")
    return key


@inner.get("/after/{key}")
async def afterwards(key: str, background: BackgroundTasks) -> str:
    background.add_task(asyncio.sleep, SLOW_S)
    return key


@inner.websocket("/socket/{key}")
async def socket(one: WebSocket, key: str) -> None:
    if key == "refused":
        raise ProblemError(403, "Not you.")
    if key != "closed":
        await one.accept()
    await one.close()


outer = APIRouter(prefix="/outer")
outer.include_router(inner, prefix="/{tenant}")
ROUTES = Feature(name="routes", routers=[outer, inner])


@pytest.fixture
def ports() -> Ports:
    return fake_ports()


@pytest.fixture
def client(ports: Ports) -> Iterator[TestClient]:
    app = create_app(ports, [metrics(), ROUTES])
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def counted(ports: Ports) -> list[tuple[str, str, str]]:
    """Route, method and status of every request."""
    meter = ports.meter
    assert isinstance(meter, FakeMeter)
    found: list[tuple[str, str, str]] = []
    for (name, labels), times in meter.counts.items():
        said = dict(labels)
        if name == "http_requests_total":
            found += [(said["route"], said["method"], said["status"])] * times
    return sorted(found)


def seconds(ports: Ports) -> list[float]:
    meter = ports.meter
    assert isinstance(meter, FakeMeter)
    return [value for name, value in meter.observations if name == "http_request_seconds"]


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/v1/languages/de", "/v1/languages/{code}", "200"),
        ("GET", "/v1/languages/xx", "/v1/languages/{code}", "404"),
        ("PUT", "/v1/languages/de", "/v1/languages/{code}", "405"),
        ("POST", "/v1/detect", "/v1/detect", "422"),
        ("GET", "/", "/", "200"),
        ("GET", "/docs", "/docs", "200"),
        ("GET", "/outer/me/inner/key", "/outer/{tenant}/inner/{key}", "200"),
        ("GET", "/inner/key", "/inner/{key}", "200"),
        ("GET", "/inner/broken", "/inner/{key}", "500"),
        ("GET", "/wp-login.php", "none", "404"),
    ],
)
def test_a_request_is_counted_by_the_template_of_its_route(
    client: TestClient, ports: Ports, method: str, path: str, route: str, status: str
) -> None:
    client.request(method, path)
    assert counted(ports) == [(route, method, status)]
    assert len(seconds(ports)) == 1


@pytest.mark.parametrize("path", [*PATHS, *SOCKETS])
def test_routes_anywhere_are_measured(ports: Ports, path: str) -> None:
    app = create_app(ports, [metrics()])
    app.include_router(router())
    client = TestClient(app)
    # A mounted application has routes of its own, which are not known here.
    route = "/v3/mounted/{path}" if path.startswith("/v3/mounted") else path
    if path in SOCKETS:
        with client.websocket_connect(path):
            pass
        assert counted(ports) == [(route, "websocket", "101")]
    else:
        client.get(path)
        assert counted(ports) == [(route, "GET", "200")]
        assert len(seconds(ports)) == 1


class RefusesAll:
    """A middleware that answers in place of every route."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        else:
            await Response(status_code=429)(scope, receive, send)


@pytest.mark.parametrize(
    ("path", "route"),
    [("/v1/languages/de", "/v1/languages/{code}"), ("/v1/detect", "/v1/detect"), ("/a/b", "none")],
)
def test_middleware_answers_are_counted_by_route_template(
    ports: Ports, path: str, route: str
) -> None:
    refusing = Feature(name="refusing", middleware=[Middleware(RefusesAll)])
    TestClient(create_app(ports, [metrics(), refusing])).get(path)
    assert counted(ports) == [(route, "GET", "429")]


def test_labels_take_few_values_whatever_is_asked(client: TestClient, ports: Ports) -> None:
    for number in range(50):
        client.get(f"/nowhere/{number}")
        client.request(f"BREW{number}", "/v1/detect")
    assert {(route, method) for route, method, _ in counted(ports)} == {
        ("none", "GET"),
        ("/v1/detect", "other"),
    }


def test_refusals_of_a_model_are_counted_with_their_status() -> None:
    ports = fake_ports(FailingDetector(ModelOverloadedError("busy")))
    client = TestClient(create_app(ports, [metrics()]))
    client.post("/v1/detect", json={"text": "a"})
    assert counted(ports) == [("/v1/detect", "POST", "503")]


def test_what_runs_after_the_answer_takes_no_part_of_its_time(
    client: TestClient, ports: Ports
) -> None:
    began = time.perf_counter()
    client.get("/inner/after/key")
    assert seconds(ports)[0] < time.perf_counter() - began - SLOW_S


async def test_a_client_who_leaves_is_counted_as_one(ports: Ports) -> None:
    app = create_app(ports, [metrics(), Feature(name="waiting", routers=[waiting()])])
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/wait",
        "raw_path": b"/wait",
        "query_string": b"",
        "headers": [],
        "scheme": "http",
        "server": ("test", 80),
        "http_version": "1.1",
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        return None

    request = asyncio.create_task(app(scope, receive, send))
    await asyncio.sleep(0.05)
    request.cancel()
    await asyncio.wait([request])
    assert counted(ports) == [("/wait", "GET", "499")]


def waiting() -> APIRouter:
    router = APIRouter()

    @router.get("/wait")
    async def wait() -> None:
        await asyncio.Event().wait()

    return router


@pytest.mark.parametrize(
    ("key", "status"), [("open", "101"), ("closed", "403"), ("refused", "403")]
)
def test_a_websocket_is_counted_when_it_opens_or_is_refused(
    client: TestClient, ports: Ports, key: str, status: str
) -> None:
    try:
        with client.websocket_connect(f"/inner/socket/{key}"):
            assert counted(ports) == [("/inner/socket/{key}", "websocket", status)]
    except Exception:
        assert key != "open"
    assert counted(ports) == [("/inner/socket/{key}", "websocket", status)]
    assert seconds(ports) == []


def test_the_feature_is_enabled(ports: Ports) -> None:
    visiting(create_app(ports, list(wiring.features()))).get("/v1/languages")
    assert counted(ports) == [("/v1/languages", "GET", "200")]


def test_an_application_below_a_prefix_has_the_same_routes(ports: Ports) -> None:
    app = FastAPI()
    app.mount("/inline", create_app(ports, [metrics()]))
    TestClient(app).get("/inline/v1/languages/de")
    assert counted(ports) == [("/v1/languages/{code}", "GET", "200")]
