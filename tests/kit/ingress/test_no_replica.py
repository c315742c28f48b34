"""Ray Serve's proxy gives up requests for an application that has no replica."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from servekit.ingress.no_replica import NoReplica

SCOPE = {"type": "http", "path": "/churn/v1"}


class Proxy:
    """Stands for Ray Serve's proxy: it knows of some replicas, and lets requests wait."""

    def __init__(self, replicas: int, *, begins: bool = False) -> None:
        self.replicas: dict[int, None] = dict.fromkeys(range(replicas))
        self.begins = begins
        self.cancelled = 0
        self.proxy_router = self
        request_router = SimpleNamespace(curr_replicas=self.replicas)
        router = SimpleNamespace(_request_router=request_router)
        self._router = SimpleNamespace(_asyncio_router=router)
        self.there = asyncio.Event()

    def match_route(self, path: str) -> Any:
        return ("/churn", self, False) if path.startswith("/churn") else None

    def running_replicas_populated(self) -> bool:
        return True

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        if self.begins:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            await asyncio.wait_for(self.there.wait(), 1)
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        await send({"type": "http.response.body", "body": b""})


async def asked(proxy: Any, path: str = SCOPE["path"]) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        said.append(message)

    behind = SimpleNamespace(_app=proxy)  # as Serve's own middleware

    class Middle:
        _app = behind

        async def __call__(self, *request: Any) -> None:
            await proxy(*request)

    await NoReplica(Middle())(SCOPE | {"path": path}, asyncio.Queue().get, send)
    return said


async def test_a_request_without_a_replica_is_a_503_and_goes_on_no_longer() -> None:
    proxy = Proxy(0)
    start, _ = await asked(proxy)
    assert start["status"] == 503
    assert (b"retry-after", b"1") in start["headers"]
    assert proxy.cancelled == 1
    task = asyncio.current_task()
    assert task
    assert not task.cancelling()


@pytest.mark.parametrize(
    ("proxy", "path"),
    [
        (lambda: Proxy(1), "/churn/v1"),
        (lambda: Proxy(0, begins=True), "/churn/v1"),
        (lambda: Proxy(0), "/elsewhere"),
    ],
    ids=["a replica", "a response that has begun", "no application"],
)
async def test_applications_with_a_replica_are_waited_for(proxy: Any, path: str) -> None:
    found = proxy()
    said = await asked(found, path)
    assert (said[-1]["type"], found.cancelled) == ("http.response.body", 0)


async def test_a_replica_has_no_proxy_behind() -> None:
    said: list[Any] = []

    async def app(*request: Any) -> None:
        said.append(request[0])

    async def send(_: Any) -> None:
        raise AssertionError

    await NoReplica(app)({**SCOPE}, asyncio.Queue().get, send)
    assert said == [SCOPE]


async def test_a_client_that_leaves_cancels_as_ever() -> None:
    proxy = Proxy(1)
    request = asyncio.create_task(asked(proxy))
    await asyncio.sleep(0.01)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert proxy.cancelled == 1
