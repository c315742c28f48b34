"""Requests to the service on both workers, counted by how they failed.

Two kinds of clients send them, and both repeat a request as clients are told to.

| client | sends | to |
|---|---|---|
| gateway | at a fixed rate, whatever becomes of those before | each worker that is ready, in turn |
| keep-alive | the next one after a pause | the worker that was ready when it connected |
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from itertools import count
from types import TracebackType
from typing import NamedTuple, Self

import httpx2

from .hosts import NAMES
from .ray_cluster import Kubelet

GATEWAY_RATE = 50
KEEP_ALIVE_CLIENTS = 8
PAUSE_S = 0.03
QUESTION = {"text": "Guten Morgen, wie geht es dir?"}

TRIES = 3
CONNECT_S = 2
TIMEOUT = httpx2.Timeout(12, connect=CONNECT_S)
"""Of one try. An answer takes ten seconds at most, BATCHER_TIMEOUT_S."""

NO_CONNECTION, LOST, TOO_LATE = "no connection", "connection lost", "no answer in 12 s"
OF_THE_PROXY = "of HAProxy"
REPEATED = frozenset(
    {NO_CONNECTION, LOST, TOO_LATE, "503", *(f"{n} {OF_THE_PROXY}" for n in (500, 502, 503, 504))}
)
"""What a client repeats, on another node where there is one: predictions have no side effects."""


class Request(NamedTuple):
    """A request, and what became of it.

    Attributes:
        client: Of which kind.
        begun, ended: Times, in seconds.
        nodes: That were asked, one a try.
        failures: Of those tries that failed.
        version: The model that has answered; none where all tries failed.
    """

    client: str
    begun: float
    ended: float
    nodes: tuple[str, ...]
    failures: tuple[str, ...]
    version: str = ""

    @property
    def lost(self) -> bool:
        """Whether all of its tries failed."""
        return not self.version

    @property
    def broken(self) -> bool:
        """Whether its first try failed after it had been sent."""
        return bool(self.failures) and self.failures[0] != NO_CONNECTION


class Load:
    """Sends requests until the block ends.

    Args:
        kubelets: Say which workers are ready.
    """

    def __init__(self, kubelets: Mapping[str, Kubelet]) -> None:
        self._kubelets = kubelets
        self._stopped = False
        self._under_way: dict[int, float] = {}
        self._numbers = count()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send()), name="load")
        self.requests: list[Request] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped = True
        self._thread.join()

    def wait_for_answers(self) -> float:
        """Wait until all that was begun by now has ended; return the time of the call."""
        now = time.monotonic()
        assert self._thread.is_alive(), "The load has ended."
        while any(begun <= now for begun in [*self._under_way.values()]):
            time.sleep(0.05)
        return now

    async def _send(self) -> None:
        async with AsyncExitStack() as clients, asyncio.TaskGroup() as tasks:
            pools = {
                name: await clients.enter_async_context(_client(name)) for name in self._kubelets
            }
            tasks.create_task(self._gateway(pools, tasks))
            for number in range(KEEP_ALIVE_CLIENTS):
                tasks.create_task(self._keep_alive(number))

    async def _gateway(
        self, pools: Mapping[str, httpx2.AsyncClient], tasks: asyncio.TaskGroup
    ) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        turn = count()
        while not self._stopped:
            ready = self._ready()
            node = ready[next(turn) % len(ready)]
            tasks.create_task(self._ask("gateway", node, pools))
            due = max(due + 1 / GATEWAY_RATE, loop.time() - 1)
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _keep_alive(self, number: int) -> None:
        turn = count(number)
        while not self._stopped:
            ready = self._ready()
            node = ready[next(turn) % len(ready)]
            async with AsyncExitStack() as clients:
                pools = {
                    name: await clients.enter_async_context(_client(name, 1))
                    for name in self._kubelets
                }
                while not self._stopped and not await self._ask("keep-alive", node, pools):
                    await asyncio.sleep(PAUSE_S)

    def _ready(self) -> list[str]:
        known = [*self._kubelets]
        return [name for name in known if self._kubelets[name].ready] or known

    async def _ask(
        self, client: str, node: str, pools: Mapping[str, httpx2.AsyncClient]
    ) -> tuple[str, ...]:
        """Send a request, and repeat it where that is due; return what failed."""
        number, begun = next(self._numbers), time.monotonic()
        self._under_way[number] = begun
        nodes: list[str] = []
        failures: list[str] = []
        version = ""
        while not version and len(nodes) < TRIES and REPEATED.issuperset(failures):
            nodes.append(self._another_than(nodes) if nodes else node)
            version, failure = await _try(pools[nodes[-1]])
            failures += [failure] if failure else []
        self.requests.append(
            Request(client, begun, time.monotonic(), (*nodes,), (*failures,), version)
        )
        del self._under_way[number]
        return (*failures,)

    def _another_than(self, nodes: Iterable[str]) -> str:
        """The node that was asked least often, a ready one first."""
        asked = Counter(nodes)
        return min(self._kubelets, key=lambda name: (asked[name], not self._kubelets[name].ready))


def _client(node: str, connections: int | None = None) -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=16)
    return httpx2.AsyncClient(
        base_url=f"http://{NAMES[node]}:8000", trust_env=False, timeout=TIMEOUT, limits=limits
    )


async def _try(client: httpx2.AsyncClient) -> tuple[str, str]:
    """Return the version that has answered, or how the try failed."""
    try:
        response = await client.post("/v1/detect", json=QUESTION)
    except (httpx2.ConnectError, httpx2.ConnectTimeout):
        return "", NO_CONNECTION
    except httpx2.TimeoutException:
        return "", TOO_LATE
    except httpx2.TransportError:
        return "", LOST
    if response.status_code != 200:
        problem = response.headers["content-type"] == "application/problem+json"
        return "", str(
            response.status_code
        ) if problem else f"{response.status_code} {OF_THE_PROXY}"
    return response.headers.get("x-model", "unknown"), ""
