"""What clients, proxies and monitors expect of HTTP, whatever a route is like."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse, StreamingResponse

from servekit.api import GuardedApi, create_app
from servekit.api.exchange import CLIENT_LEFT, Exchange, ExchangeHooks
from servekit.api.feature import Feature
from servekit.api.settings import ApiSettings
from servekit.contracts import Ports
from servekit.testing.fakes import FakeMeter

from tests.both_ways import CONTRACTS, SERVICE, api, ports

PAGE = {"Origin": "https://app.example"}
SETTINGS = ApiSettings(cors_origins=("https://app.example",))


def told(ended: list[Exchange]) -> Feature:
    return Feature(name="told", hooks=[ExchangeHooks(end=ended.append)])


def app_with(
    *routes: Callable[..., Any], features: tuple[Feature, ...] = (), **options: Any
) -> GuardedApi:
    """The API with `GET /<name>` for each of these functions."""
    router = APIRouter()
    for route in routes:
        router.get(f"/{route.__name__}")(route)
    nothing = Ports({}, FakeMeter(), {})
    return create_app(SERVICE, nothing, [router], features, settings=SETTINGS, **options)


@pytest.mark.parametrize("path", ["/", "/health/live", "/health/ready", "/v1/models", "/docs"])
def test_head_is_get_without_a_body(path: str) -> None:
    client = TestClient(api())
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_head_of_what_cannot_be_got_is_refused_without_a_body() -> None:
    response = TestClient(api()).head("/v1/item")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.content == b""


def test_a_route_for_head_is_the_services_own() -> None:
    app = app_with()

    @app.head("/mine")
    async def mine() -> None:
        raise HTTPException(418)

    assert TestClient(app).head("/mine").status_code == 418


def test_all_methods_of_a_path_are_allowed() -> None:
    app = app_with()
    for method in ("GET", "PUT", "DELETE"):
        app.add_api_route("/thing/{number}", lambda number: number, methods=[method])
    response = TestClient(app).post("/thing/1")
    assert (response.status_code, response.headers["allow"]) == (405, "DELETE, GET, HEAD, PUT")


@pytest.mark.parametrize("path", ["/canary", "/canary/"])
def test_a_prefix_is_its_root(path: str) -> None:
    client = TestClient(api(), root_path="/canary")
    assert client.get(path).json()["name"] == SERVICE.name


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("no such text", {"detail": "no such text"}),
        (None, {}),
        ({"code": "quota", "left": 0}, {"code": "quota", "left": 0}),
        ({"title": "mine", "status": 1}, {}),
        (["a", "b"], {"details": ["a", "b"]}),
        ({"amount": float("nan"), (1, 2): 3}, {"amount": None}),
        ({"when": object}, {"when": str(object)}),
        ("half \ud800", {"detail": "half ?"}),
    ],
)
def test_an_http_exception_may_say_anything(detail: Any, said: dict[str, Any]) -> None:
    async def fails() -> None:
        raise HTTPException(400, detail, {"X-Why": "it said"})

    response = TestClient(app_with(fails)).get("/fails")
    assert (response.status_code, response.headers["x-why"]) == (400, "it said")
    standard = {"type": "about:blank", "title": "Bad Request", "status": 400}
    assert response.json() == said | standard | {"request_id": response.json()["request_id"]}


@pytest.mark.parametrize(
    ("status", "title"),
    [(499, "Bad Request"), (599, "Internal Server Error"), (418, "I'm a Teapot")],
)
def test_it_may_have_any_status(status: int, title: str) -> None:
    async def fails() -> None:
        raise HTTPException(status, "so it is")

    response = TestClient(app_with(fails)).get("/fails")
    assert (response.status_code, response.json()["title"]) == (status, title)


@pytest.mark.parametrize("status", [204, 205, 304])
def test_some_statuses_have_no_body(status: int) -> None:
    async def fails() -> None:
        raise HTTPException(status, "unseen")

    response = TestClient(app_with(fails)).get("/fails")
    assert (response.status_code, response.content) == (status, b"")


async def broken() -> None:
    raise RuntimeError("s3cret")


def test_an_unexpected_error_has_the_headers_of_other_answers() -> None:
    ended: list[Exchange] = []
    response = TestClient(app_with(broken, features=(told(ended),))).get("/broken", headers=PAGE)
    assert response.status_code == 500
    assert response.headers["access-control-allow-origin"] == PAGE["Origin"]
    assert "s3cret" not in response.text
    assert [one.status for one in ended] == [500]


def test_a_service_may_answer_unexpected_errors_itself() -> None:
    app = app_with(broken)

    @app.exception_handler(Exception)
    async def mine(_: Request, error: Exception) -> StreamingResponse:
        return StreamingResponse([f"mine: {error}"], status_code=503)

    response = TestClient(app).get("/broken", headers=PAGE)
    assert (response.status_code, response.text) == (503, "mine: s3cret")


@pytest.mark.parametrize("kind", [500, Exception])
def test_its_handler_may_be_a_plain_function_or_of_the_status(kind: Any) -> None:
    app = app_with(broken)

    @app.exception_handler(kind)
    def mine(_: Request, error: Exception) -> PlainTextResponse:
        return PlainTextResponse(f"mine: {error}", status_code=503)

    response = TestClient(app).get("/broken", headers=PAGE)
    assert (response.status_code, response.text) == (503, "mine: s3cret")
    assert response.headers["access-control-allow-origin"] == PAGE["Origin"]


def test_an_api_in_another_is_followed_too() -> None:
    inside: list[Exchange] = []
    outside: list[Exchange] = []
    outer = app_with(features=(told(outside),))
    outer.mount_open("/inner", app_with(broken, features=(told(inside),)))
    assert TestClient(outer).get("/inner/broken").status_code == 500
    assert [one.status for one in inside + outside] == [500, 500]


async def test_an_error_after_the_client_has_left_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def looks(request: Request) -> None:
        assert await request.is_disconnected()
        raise KeyError("mine")

    ended: list[Exchange] = []
    await left_by(app_with(looks, features=(told(ended),)), "GET", "/looks")
    assert [one.status for one in ended] == [CLIENT_LEFT]
    [line] = [one for one in caplog.records if one.levelname == "ERROR"]
    assert line.exc_info
    assert isinstance(line.exc_info[1], KeyError)


def test_a_background_task_that_fails_changes_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[Exchange] = []

    async def fine(background: BackgroundTasks) -> str:
        background.add_task(broken)
        return "fine"

    response = TestClient(app_with(fine, features=(told(ended),))).get("/fine")
    assert (response.status_code, response.json()) == (200, "fine")
    assert [one.status for one in ended] == [200]
    [line] = [one for one in caplog.records if one.levelname == "ERROR"]
    assert line.getMessage() == "a background task failed"
    assert line.exc_info
    assert isinstance(line.exc_info[1], RuntimeError)


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
def test_encoded_content_is_refused(encoding: str) -> None:
    sent = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    response = TestClient(api()).post("/v1/item", content=b"\x1f\x8b", headers=sent)
    assert (response.status_code, response.headers["accept-encoding"]) == (415, "identity")


def test_content_that_is_as_it_is_may_say_so() -> None:
    sent = {"Content-Encoding": "Identity", "Content-Type": "application/json"}
    response = TestClient(api()).post("/v1/item", content=b'{"Name": "a"}', headers=sent)
    assert response.status_code == 200


async def left_by(app: FastAPI, method: str, path: str, *received: Any) -> None:
    """Send a request whose client leaves after these messages."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"100000")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    messages = iter(received)

    async def receive() -> Any:
        return next(messages, {"type": "http.disconnect"})

    async def send(_: Any) -> None:
        pass

    await app(scope, receive, send)


async def reads(request: Request) -> str:
    return (await request.body()).decode()


async def streams() -> StreamingResponse:
    async def endless() -> AsyncIterator[str]:
        while True:
            await asyncio.sleep(0)
            yield "more"

    return StreamingResponse(endless())


PART = {"type": "http.request", "body": b'{"Name": "a"', "more_body": True}


@pytest.mark.parametrize("path", [f"/v1/{one.name}" for one in CONTRACTS])
async def test_a_client_that_leaves_before_its_body_is_whole_is_a_499(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[Exchange] = []
    await left_by(api([told(ended)], ports()), "POST", path, PART)
    assert [one.status for one in ended] == [CLIENT_LEFT]
    assert not [one for one in caplog.records if one.levelno >= 30]


@pytest.mark.parametrize("route", [reads, streams])
async def test_own_routes_end_with_499_when_the_client_leaves(
    route: Callable[..., Awaitable[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[Exchange] = []
    await left_by(app_with(route, features=(told(ended),)), "GET", f"/{route.__name__}", PART)
    assert [one.status for one in ended] == [CLIENT_LEFT]
    assert not [one for one in caplog.records if one.levelno >= 30]


@pytest.mark.parametrize("value", ["", " ", "a ", " a", "x" * 201, "näh"])
def test_an_id_that_cannot_be_written_down_is_replaced(value: str) -> None:
    sent = {b"X-Request-ID": value.encode()}
    response = TestClient(api()).get("/nowhere", headers=sent)
    assert 20 < len(response.json()["request_id"]) < 64


def test_an_id_of_the_client_is_kept() -> None:
    response = TestClient(api()).get("/nowhere", headers={"X-Request-ID": "a-1:b c"})
    assert response.json()["request_id"] == "a-1:b c"


def test_openapi_has_no_word_of_a_later_version() -> None:
    async def events() -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data="a")

    app = app_with()
    app.get("/events", response_class=EventSourceResponse)(events)
    document = json.dumps(app.openapi())
    assert "itemSchema" not in document
    assert "text/event-stream" in document
