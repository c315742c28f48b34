"""Routes that are mounted where they are not expected are guarded, limited and measured."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.testclient import TestClient
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.testclient import WebSocketDenialResponse

from servekit.api import Feature, Guarded
from servekit.api.access import LARGE_BYTES, Group

from tests.fakes import create_app, fake_ports
from tests.unexpected import PATHS, SOCKETS, router, sub_app, talk, told


async def needs_a_key(connection: HTTPConnection) -> None:
    if connection.headers.get("x-key") != "right":
        raise HTTPException(401, "Who are you?")


KEY = {"x-key": "right"}
LOCK = Feature(name="lock", guards=[needs_a_key], credentials=["X-Key"], refusals=[401])


def by_feature(*features: Feature) -> FastAPI:
    return create_app(fake_ports(), [*features, Feature(name="late", model_routers=[router()])])


def by_include_router(*features: Feature) -> FastAPI:
    app = create_app(fake_ports(), features)
    app.include_router(router())
    return app


def by_hand(*features: Feature) -> FastAPI:
    app = create_app(fake_ports(), features)
    for path in PATHS[:3]:
        app.get(path, name=f"tell {path}")(told)
    app.websocket(SOCKETS[0])(talk)
    app.mount("/v3/mounted", Guarded(sub_app()))
    return app


ways = pytest.mark.parametrize("app_with", [by_feature, by_include_router, by_hand])


@ways
def test_routes_anywhere_are_guarded(app_with: Any) -> None:
    client = TestClient(app_with(LOCK))
    for path in PATHS:
        refused = client.get(path)
        assert refused.status_code == 401, path
        assert refused.headers["content-type"] == "application/problem+json"
        assert client.get(path, headers=KEY).json() == "told"
    for path in SOCKETS:
        with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect(path):
            pass
        assert denied.value.status_code == 401
        with client.websocket_connect(path, headers=KEY):
            pass


@ways
def test_routes_anywhere_show_refusals_in_openapi(app_with: Any) -> None:
    paths = TestClient(app_with(LOCK)).get("/openapi.json").json()["paths"]
    for path in PATHS[:3]:
        assert "401" in paths[path]["get"]["responses"]
    assert "401" not in paths["/health/live"]["get"]["responses"]


async def test_guards_can_be_run_without_fastapi() -> None:
    app = create_app(fake_ports(), [LOCK])
    await app.guard(HTTPConnection({"type": "http", "headers": [(b"x-key", b"right")]}))
    with pytest.raises(HTTPException, match="Who are you"):
        await app.guard(HTTPConnection({"type": "http", "headers": []}))


def mounted(routes: APIRouter | FastAPI) -> None:
    routes.mount("/bare", sub_app())


def plain(routes: APIRouter | FastAPI) -> None:
    routes.add_route("/bare", lambda _: PlainTextResponse("bare"))


@pytest.mark.parametrize("bare", [mounted, plain])
def test_a_route_that_takes_no_guards_stops_the_start(bare: Any) -> None:
    found = APIRouter()
    bare(found)
    inner = create_app(fake_ports(), [LOCK, Feature(name="bare", model_routers=[found])])
    later = create_app(fake_ports(), [LOCK])
    bare(later)
    for app in (inner, later):
        with pytest.raises(TypeError, match="No guard stands before the route /bare"):
            TestClient(app).__enter__()
    declared = create_app(fake_ports(), [LOCK, Feature(name="open", routers=[found])])
    assert TestClient(declared).get("/bare").status_code != 401


def test_only_the_pages_of_the_service_belong_to_it() -> None:
    signing_in = APIRouter()
    signing_in.post("/login")(told)
    page = APIRouter()
    page.get("/page")(told)
    features = [Feature(name="open", routers=[page], sign_in_routers=[signing_in])]
    app = create_app(fake_ports(), features)
    app.include_router(router())
    TestClient(app).get("/")

    def group(path: str, method: str = "GET", root: str = "") -> Group:
        scope = {"type": "http", "method": method, "path": root + path, "root_path": root}
        return app.group_of({**scope, "headers": []})

    for root in ("", "/inline"):
        for path in ("/", "/health/live", "/health/ready", "/docs", "/openapi.json"):
            assert group(path, root=root) is Group.SERVICE
        assert group("/login", "POST", root) is Group.SIGN_IN
        assert group("/login", root=root) is Group.MODELS
        for path in ("/page", "/nowhere", "/v1/languages", "/health/live/x", *PATHS):
            assert group(path, root=root) is Group.MODELS


class Counting:
    """A guard that counts how often it was asked."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self, connection: HTTPConnection) -> None:
        self.times += 1
        await needs_a_key(connection)


async def status_of(app: FastAPI, path: str, *headers: tuple[bytes, bytes]) -> int:
    """The status of a request whose body must not be read."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
    }
    statuses: list[int] = []

    async def receive() -> Any:
        raise AssertionError("The body was read.")

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]


@pytest.mark.parametrize(
    "length", [(b"content-length", b"%d" % (LARGE_BYTES + 1)), (b"transfer-encoding", b"chunked")]
)
@pytest.mark.parametrize("path", ["/v1/detect", "/v1/detect/batch", "/v1/detect/file", "/v1/mine"])
async def test_a_large_body_is_not_read_before_the_guard(
    path: str, length: tuple[bytes, bytes]
) -> None:
    app = create_app(fake_ports(), [LOCK])
    app.post("/v1/mine", name="mine")(told)
    assert await status_of(app, path, length) == 401


def signing_in() -> FastAPI:
    async def sign_in(request: Request) -> int:
        return len(await request.body())

    router = APIRouter()
    router.post("/v1/token")(sign_in)
    return create_app(fake_ports(), [Feature(name="sign_in", sign_in_routers=[router])])


async def test_to_sign_in_takes_no_large_body() -> None:
    large = (b"content-length", b"%d" % (LARGE_BYTES + 1))
    assert await status_of(signing_in(), "/v1/token", large) == 413


@pytest.mark.parametrize(("pieces", "status"), [(2, 200), (LARGE_BYTES // 1000 + 2, 413)])
def test_pieces_of_a_body_to_sign_in_are_counted(pieces: int, status: int) -> None:
    response = TestClient(signing_in()).post("/v1/token", content=iter([b"x" * 1000] * pieces))
    assert response.status_code == status


@pytest.mark.parametrize("length", [1, LARGE_BYTES + 1])
def test_an_api_in_another_has_guards_of_its_own(length: int) -> None:
    inner = create_app(fake_ports(), [LOCK])
    inner.post("/told", name="inner")(told)
    outer = create_app(fake_ports())
    outer.mount_open("/inner", inner)
    response = TestClient(outer).post("/inner/told", content=b"x" * length)
    assert response.status_code == 401
    assert TestClient(outer).post("/inner/told", content=b"x" * length, headers=KEY).is_success


@pytest.mark.parametrize("length", [1, LARGE_BYTES + 1])
def test_each_request_is_guarded_once(length: int) -> None:
    guard = Counting()
    client = TestClient(create_app(fake_ports(), [Feature(name="lock", guards=[guard])]))
    body = b'{"text": "a"}' + b" " * length
    sent = KEY | {"content-type": "application/json"}
    for path in ("/v1/detect", "/v1/detect/stream"):
        assert client.post(path, content=body, headers=sent).status_code == 200
    assert guard.times == 2
