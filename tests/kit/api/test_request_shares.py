"""One caller has no more requests under way than it may, and others are still answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends
from httpx2 import ASGITransport, AsyncClient, Response
from starlette.requests import HTTPConnection

from servekit.api import Feature, Guarded, Service, create_app, model_router
from servekit.api.dependencies import predictor
from servekit.api.principal import Principal
from servekit.api.settings import ApiSettings
from servekit.contracts import Contract, NullMeter, Ports, Prediction, Predictor
from servekit.testing.fakes import FakePredictor

from tests.audit_lines import audit_lines

MOST = 3
ECHO = Contract("echo", str, str)
CALLER = "x-caller"


class Slow(FakePredictor):
    """Answers once it may."""

    def __init__(self) -> None:
        super().__init__(ECHO, str)
        self.began = asyncio.Semaphore(0)
        self.may = asyncio.Event()

    async def predict(self, item: Any, version: str = "") -> Prediction[Any]:
        self.began.release()
        await self.may.wait()
        return Prediction(item, "echo:1")


async def by_name(connection: HTTPConnection) -> None:
    """A guard that believes what a client says of itself."""
    if name := connection.headers.get(CALLER):
        connection.scope["state"]["caller"] = Principal(name)


router = model_router(ECHO, "/v1/echo")
hand_written = APIRouter()


@hand_written.get("/v1/slow")
async def slow(model: Annotated[Predictor[str, str], Depends(predictor(ECHO))]) -> str:
    """Ask the model in a route of FastAPI's own."""
    return (await model.predict("slow")).value


@asynccontextmanager
async def service(
    most: int = MOST, guards: list[Any] | None = None
) -> AsyncIterator[tuple[AsyncClient, Slow]]:
    model = Slow()
    features = [Feature(name="names", guards=[by_name] if guards is None else guards)]
    app, mounted = (
        create_app(
            Service(name="Echo", slug="echo", package="echo", version="1"),
            Ports({"echo": model}, NullMeter(), {"echo": ECHO}),
            [router, hand_written],
            features,
            settings=ApiSettings(max_requests_per_caller=most),
        )
        for _ in range(2)
    )
    app.mount("/mounted", Guarded(mounted))
    transport = ASGITransport(app, client=("192.0.2.1", 4711))
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield client, model


@asynccontextmanager
async def waiting(
    client: AsyncClient, model: Slow, many: int, **headers: str
) -> AsyncIterator[None]:
    """So many requests that wait for the model, and are answered in the end."""
    requests = [asyncio.create_task(ask(client, **headers)) for _ in range(many)]
    for _ in range(many):
        await model.began.acquire()
    yield
    model.may.set()
    assert {(await one).status_code for one in requests} == {200}


async def ask(client: AsyncClient, path: str = "/v1/echo", **headers: str) -> Response:
    if path == "/v1/slow":
        return await client.get(path, headers=headers)
    return await client.post(path, json="Grüezi", headers=headers)


ADA, EVE = ({CALLER: name} for name in ("ada", "eve"))


@pytest.mark.parametrize("path", ["/v1/echo", "/v1/slow"])
async def test_one_more_request_of_a_caller_is_a_429(path: str) -> None:
    async with service() as (client, model):
        with audit_lines() as audited:
            async with waiting(client, model, MOST, **ADA):
                refused = await ask(client, path, **ADA)
                assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
                said = "The limit of 3 concurrent requests for one caller is reached"
                assert refused.json()["detail"].startswith(said)
                assert (await client.get("/health/live", headers=ADA)).status_code == 200
                async with waiting(client, model, MOST, **EVE):
                    pass
        assert [one["principal"] for one in audited.found] == ["ada"]
        for _ in range(2 * MOST):
            assert (await ask(client, path, **ADA)).status_code == 200


async def test_a_request_that_ends_otherwise_gives_its_place_back() -> None:
    async with service() as (client, model):
        for _ in range(MOST + 1):
            wrong = await client.post("/v1/echo", json=7, headers=ADA)
            assert wrong.status_code == 422
            gone = asyncio.create_task(ask(client, **ADA))
            await model.began.acquire()
            gone.cancel()
            await asyncio.wait([gone])
        model.may.set()
        assert (await ask(client, **ADA)).status_code == 200


async def test_an_api_in_another_gives_both_places_back() -> None:
    async with service() as (client, model):
        model.may.set()
        for _ in range(2 * MOST):
            assert (await ask(client, "/mounted/v1/echo", **ADA)).status_code == 200


async def test_callers_without_a_name_are_counted_by_address() -> None:
    async with service(guards=[]) as (client, model), waiting(client, model, MOST):
        assert (await ask(client)).status_code == 429


async def test_without_a_limit_there_is_none() -> None:
    async with service(0) as (client, model), waiting(client, model, 600, **ADA):
        pass
