"""Sends requests to an API as it is, and to one in which FastAPI solves its dependencies.

FastAPI does so for every route while a dependency is overridden.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from pydantic import SecretStr as Secret

from servekit.api import Feature, Service, create_app
from servekit.api.fast_route import FastRoute
from servekit.api.models import model_router
from servekit.contracts import Contract, ModelError, Ports
from servekit.testing.fakes import FailingPredictor, FakeMeter, FakePredictor

SERVICE = Service(name="Churn", slug="churn", package="churn", version="1")
JSON = b"application/json"


class Pair(NamedTuple):
    first: int
    second: str


class Item(BaseModel):
    """Fields of many kinds."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, alias="Name")]
    amount: float = 0.0
    count: Annotated[int, Field(strict=True)] = 0
    pair: Pair | None = None
    tags: set[str] = set()
    secret: Secret = Secret("")


class Answer(BaseModel):
    text: str = Field(serialization_alias="Text")
    score: Annotated[float, Field(ge=0)]


ITEM = Contract("item", Item, Answer)
MAYBE = Contract("maybe", int | None, float | None)
ANY = Contract("anything", Any, Any)
STREAMED = Contract("streamed", Item, Answer, streams=True)
CONTRACTS = (ITEM, MAYBE, ANY, STREAMED)


class Sent(NamedTuple):
    """A request: its path, type, body in pieces, and further headers."""

    path: str
    pieces: Sequence[bytes]
    kind: bytes = JSON
    headers: Sequence[tuple[bytes, bytes]] = ()
    method: str = "POST"


def answer(item: Any) -> Any:
    if isinstance(item, Item):
        # One answer breaks its own contract.
        return {"text": item.name, "score": -1.0 if item.name == "negative" else item.amount}
    return item


def ports(error: ModelError | None = None) -> Ports:
    def model(contract: Contract) -> FakePredictor:
        if error:
            return FailingPredictor(error, contract, answer)
        return FakePredictor(contract, answer)

    contracts = {one.name: one for one in CONTRACTS}
    return Ports({name: model(one) for name, one in contracts.items()}, FakeMeter(), contracts)


def api(features: Sequence[Feature] = (), found: Ports | None = None, **settings: Any) -> FastAPI:
    routers = [model_router(one, f"/v1/{one.name}") for one in CONTRACTS]
    return create_app(SERVICE, found or ports(), routers, features, **settings)


async def answered(app: FastAPI, sent: Sent) -> list[Any]:
    """Send a request as a server does; return the messages of the response."""
    headers = [(b"content-type", sent.kind)] if sent.kind else []
    length = sum(map(len, sent.pieces))
    if len(sent.pieces) == 1:
        headers.append((b"content-length", b"%d" % length))
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": sent.method,
        "scheme": "http",
        "path": sent.path,
        "raw_path": sent.path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [*headers, (b"x-request-id", b"one"), *sent.headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    messages = [{"type": "http.request", "body": one, "more_body": True} for one in sent.pieces]
    messages[-1]["more_body"] = False
    pieces, response, ended = iter(messages), [], asyncio.Event()

    async def receive() -> Any:
        if piece := next(pieces, None):
            return piece
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        response.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            ended.set()

    try:
        await app(scope, receive, send)
    except Exception as error:
        # Starlette answers an unexpected error, and raises it for the server's log.
        response.append(type(error))
    return [*joined(response)]


def joined(response: Sequence[Any]) -> Iterator[Any]:
    """The messages of a response, the pieces of its content as one."""
    content = [one for one in response if not isinstance(one, type) and "body" in one]
    for one in response:
        if isinstance(one, type):
            yield one
        elif one["type"] == "http.response.start":
            yield {**one, "headers": ordered(one)}
        elif one is content[-1]:
            yield {**one, "body": b"".join(one["body"] for one in content)}


def ordered(message: Any) -> list[tuple[bytes, bytes]]:
    """Headers without what a moment decides."""
    return sorted(
        one for one in message.get("headers", ()) if not one[0].startswith(b"ratelimit-reset")
    )


def is_fast(app: FastAPI, path: str) -> bool:
    return any(isinstance(one, FastRoute) and one.path == path for one in app.routes)


def compare(make: Callable[[], FastAPI], requests: Sequence[Sent]) -> list[int]:
    """Send all requests both ways; return the statuses."""
    fast, slow = make(), make()
    slow.dependency_overrides[compare] = compare

    async def both() -> list[int]:
        statuses = []
        for one in requests:
            found, expected = await answered(fast, one), await answered(slow, one)
            assert found == expected, one
            statuses.append(found[0]["status"])
        return statuses

    statuses = asyncio.run(both())
    assert is_fast(fast, "/v1/item")
    return statuses
