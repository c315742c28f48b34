"""A fast route answers as the route beside it, byte for byte, and leaves to it what is unusual."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.requests import HTTPConnection

from servekit.api import Feature, create_app
from servekit.api.errors import ProblemError
from servekit.api.fast_route import FastRoute
from servekit.api.models import model_router
from servekit.api.settings import ApiSettings
from servekit.contracts import Contract, ModelOverloadedError

from tests.both_ways import (
    CONTRACTS,
    ITEM,
    JSON,
    MAYBE,
    SERVICE,
    Sent,
    answered,
    api,
    compare,
    is_fast,
    ports,
)

BODIES = [
    b'{"Name": "a"}',
    b'{"Name": "a", "amount": 1.5, "count": 2, "pair": [1, "b"], "tags": ["x"], "secret": "s"}',
    b'{"name": "a"}',
    b'{"Name": "a", "more": 1}',
    b'{"Name": "a", "count": "2"}',
    b'{"Name": "a", "count": 1.0}',
    b'{"Name": "a", "amount": NaN}',
    b'{"Name": "a", "amount": -Infinity}',
    b'{"Name": "a", "amount": 1e999}',
    b'{"Name": "a", "amount": "nan"}',
    b'{"Name": "a", "Name": "b"}',
    b'{"Name": "' + b"1" * 5_000 + b'", "count": ' + b"1" * 5_000 + b"}",
    b'{"Name": "\\ud800"}',
    b'{"Name": "\xff"}',
    b'{"Name": ""}',
    '{"Name": "ä"}'.encode("utf-16"),
    b"\xef\xbb\xbf" + b'{"Name": "a"}',
    b'{"Name": "negative"}',
    b"",
    b" ",
    b"{",
    b"null",
    b"1",
    b"1.0",
    b"true",
    b'"1"',
    b"[1, 2",
    b"[" * 50_000,
    b'{"items": [{"Name": "a"}, {"Name": "b"}]}',
    b'{"items": [1, null]}',
    b'{"items": []}',
    b'{"items": 1}',
    b'{"items": [' + b"1," * 1_000 + b"1]}",
]
TYPES = [
    JSON,
    b"application/json; charset=utf-8",
    b"application/json;charset=latin-1",
    b"Application/JSON",
    b"application/problem+json",
    b"text/plain",
    b"",
]


def paths_of(contract: Contract) -> list[str]:
    paths = [f"/v1/{contract.name}{ending}" for ending in ("", "/batch", "/lines")]
    return [*paths, f"{paths[0]}/stream"] if contract.streams else paths


def every_request() -> Iterator[Sent]:
    for contract in CONTRACTS:
        for path in paths_of(contract):
            for body in BODIES:
                yield Sent(path, [body])
            for kind in TYPES:
                yield Sent(path, [b'{"Name": "a"}'], kind)
            yield Sent(path, [b'{"Name":', b' "a"}'])
            yield Sent(path, [b"1"] * 10_000)
            yield Sent(path, [b"1"], method="GET")
            yield Sent(f"{path}/", [b"1"])


def test_whatever_is_sent_it_is_answered_alike() -> None:
    statuses = compare(api, [*every_request()])
    assert {200, 400, 404, 405, 422, 500} <= {*statuses}


def test_an_error_of_the_model_is_the_same_problem() -> None:
    def failing() -> FastAPI:
        return api(found=ports(ModelOverloadedError("The model is busy.")))

    requests = [Sent(path, [BODIES[0]]) for path in ("/v1/item", "/v1/streamed/stream")]
    lines = Sent("/v1/item/lines", [b'{"items": [{"Name": "a"}]}'])
    assert compare(failing, [*requests, lines]) == [503, 503, 503]


def test_a_body_is_too_large_on_both_ways() -> None:
    def small() -> FastAPI:
        return api(settings=ApiSettings(max_body_bytes=1024))

    large = b'{"Name": "' + b"a" * 1024 + b'"}'
    requests = [Sent("/v1/item", [large]), Sent("/v1/item", [large[:600], large[600:]])]
    assert compare(small, requests) == [413, 413]


def refuse() -> None:
    raise ProblemError(418, "No.")


def first_of_all() -> APIRouter:
    router = APIRouter()

    @router.post("/v1/item")
    async def mine() -> str:
        return "mine"

    return router


class Loud(APIRoute):
    """A class of routes of the user's own."""


def own_routes(**options: Any) -> FastAPI:
    return create_app(SERVICE, ports(), [model_router(ITEM, "/v1/item", **options)])


def test_a_dependency_of_its_own_is_heeded() -> None:
    app = own_routes(dependencies=[Depends(refuse)])
    assert TestClient(app).post("/v1/item", json={"Name": "a"}).status_code == 418
    assert not is_fast(app, "/v1/item")


def test_a_dependency_of_a_router_around_it_is_heeded() -> None:
    around = APIRouter(prefix="/around")
    around.include_router(model_router(ITEM, "/v1/item"), dependencies=[Depends(refuse)])
    app = create_app(SERVICE, ports(), [around])
    assert TestClient(app).post("/around/v1/item", json={"Name": "a"}).status_code == 418


def test_inside_another_router_it_is_fast_too() -> None:
    around = APIRouter(prefix="/around")
    around.include_router(model_router(ITEM, "/v1/item"))
    app = create_app(SERVICE, ports(), [around])
    answer = TestClient(app).post("/around/v1/item", json={"Name": "a"})
    assert (answer.json(), answer.headers["x-model"]) == ({"Text": "a", "score": 0.0}, "item:7")
    assert is_fast(app, "/around/v1/item")


def test_a_route_that_comes_first_answers() -> None:
    app = create_app(SERVICE, ports(), [first_of_all(), model_router(ITEM, "/v1/item")])
    assert TestClient(app).post("/v1/item", json={"Name": "a"}).json() == "mine"


@pytest.mark.parametrize("options", [{"route_class": Loud}, {"prefix": "/v1/{tenant}/item"}])
def test_what_is_not_plain_is_left_to_fastapi(options: dict[str, Any]) -> None:
    prefix = options.pop("prefix", "/v1/item")
    app = create_app(SERVICE, ports(), [model_router(ITEM, prefix, **options)])
    path = prefix.format(tenant="one")
    assert TestClient(app).post(path, json={"Name": "a"}).status_code == 200
    assert not any(isinstance(one, FastRoute) and one.path == path for one in app.routes)


def test_behind_a_root_path_it_is_found() -> None:
    app = api()
    client = TestClient(app, root_path="/behind")
    assert client.post("/v1/item", json={"Name": "a"}).status_code == 200


def test_openapi_has_each_route_once() -> None:
    app = api()
    before = app.openapi()["paths"]
    TestClient(app).post("/v1/item", json={"Name": "a"})
    app.openapi_schema = None
    assert app.openapi()["paths"] == before


def checking(connection: HTTPConnection) -> None:
    raise ProblemError(418, "No.")


def test_security_that_checks_something_is_heeded() -> None:
    feature = Feature(name="own", security=[Security(checking)])
    app = create_app(SERVICE, ports(), [model_router(ITEM, "/v1/item")], [feature])
    assert TestClient(app).post("/v1/item", json={"Name": "a"}).status_code == 418


async def signed(connection: HTTPConnection) -> None:
    assert isinstance(connection, Request)
    if b"good" not in await connection.body():
        raise ProblemError(403, "No.")


def test_a_guard_may_read_the_body() -> None:
    feature = Feature(name="signed", guards=[signed])
    app = create_app(SERVICE, ports(), [model_router(ITEM, "/v1/item")], [feature])
    client = TestClient(app)
    assert client.post("/v1/item", json={"Name": "good"}).status_code == 200
    assert client.post("/v1/item", json={"Name": "bad"}).status_code == 403
    assert is_fast(app, "/v1/item")


def test_a_handler_of_errors_may_read_the_body() -> None:
    async def repeat(request: Request, error: Exception) -> Response:
        return Response(await request.body(), 400)

    feature = Feature(name="own", handlers={RequestValidationError: repeat})
    assert compare(lambda: api([feature]), [Sent("/v1/item", [b'{"Name": 1}'])]) == [400]


def test_a_route_that_is_declared_open_stays_open() -> None:
    opening = Feature(name="opening", routers=[model_router(ITEM, "/open")])
    guarding = Feature(name="guarding", guards=[checking_always])
    app = create_app(SERVICE, ports(), [model_router(MAYBE, "/maybe")], [opening, guarding])
    client = TestClient(app)
    assert client.post("/open", json={"Name": "a"}).status_code == 200
    assert client.post("/maybe", json=1).status_code == 418


async def checking_always(connection: HTTPConnection) -> None:
    checking(connection)


def test_the_first_content_type_counts() -> None:
    two = [(b"content-type", b"text/plain"), (b"content-type", JSON)]
    assert compare(api, [Sent("/v1/item", [BODIES[0]], b"", two)]) == [422]


def test_urls_are_found_by_name() -> None:
    app = api()
    TestClient(app).post("/v1/item", json={"Name": "a"})
    assert app.url_path_for("predict_item") == "/v1/item"
    assert app.url_path_for("list_models") == "/v1/models"


def test_the_middleware_may_be_built_again() -> None:
    app = api([Feature(name="guarding", guards=[signed])])
    for _ in range(2):
        app.middleware_stack = app.build_middleware_stack()
    assert TestClient(app).post("/v1/item", json={"Name": "good"}).status_code == 200
    assert sum(isinstance(one, FastRoute) for one in app.routes) == sum(
        len(paths_of(one)) for one in CONTRACTS
    )


@pytest.mark.parametrize("zeros", [0, 30])
def test_a_length_with_zeros_before_it_limits_as_much(zeros: int) -> None:
    app = api(settings=ApiSettings(max_body_bytes=1024))
    length = b"0" * zeros + b"2048"
    sent = Sent("/v1/item", [b" " * 1024, b" " * 1024], headers=[(b"content-length", length)])
    start, *_ = asyncio.run(answered(app, sent))
    assert start["status"] == 413
