"""Stands in front of all that Ray Serve does with a request, in each replica and each proxy.

Ray Serve calls `in_front` because `deploy/serve.env` says so.
"""

import asyncio
import math

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servekit.api.body_limit import declared_bytes
from servekit.api.errors import problem, problem_response
from servekit.api.principal import SHARED_PEER
from servekit.api.request_id import HEADER as REQUEST_ID
from servekit.api.request_id import VALID
from servekit.api.settings import ApiSettings
from servekit.settings import SettingsError

from .haproxy import haproxy_is_in_front
from .no_replica import NoReplica
from .unanswered import UnansweredMessages
from .write_deadline import WriteDeadline

DISCONNECT_DISABLED = b"x-request-disconnect-disabled"
DECIDED_HERE = frozenset({b"x-request-timeout-seconds", DISCONNECT_DISABLED})
"""What Ray Serve would let a client decide: when it is given up, and whether it may leave."""

DECODED = frozenset(
    {
        b"serve_multiplexed_model_id",
        b"serve-multiplexed-model-id",
        b"traceparent",
        b"tracestate",
        b"x-session-id",
    }
)
"""What Ray Serve decodes, and answers 500 to where it cannot."""

BUFFER_BYTES = 256 * 1024
"""How much of a body is taken before its request gets a place."""

Header = tuple[bytes, bytes]


class RequestHeaders:
    """Drops headers that Ray Serve fails over, or that a client must not decide.

    A WebSocket gets the one with which Serve leaves it the messages of the network one by one: by
    default it reads ahead without a bound, into the memory of the replica.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            scope[SHARED_PEER] = haproxy_is_in_front()
            scope["headers"] = [one for one in scope["headers"] if _may_pass(one)]
            if scope["type"] == "websocket":
                scope["headers"].append((DISCONNECT_DISABLED, b"?1"))
        await self.app(scope, receive, send)


def _may_pass(header: Header) -> bool:
    name, value = header
    if name in DECIDED_HERE or not name.isascii():
        return False
    if name == REQUEST_ID:
        return VALID.fullmatch(value) is not None
    return name not in DECODED or value.isascii()


class WholeBodies:
    """Reads the body of a request before it takes a place among those that run.

    A request would take one with its headers: a thousand clients that send a byte now and then
    would keep out all others, health checks included. Of larger bodies the beginning is read. One
    that is not there in time is answered 408. One that is too large is not waited for: the
    application refuses it at once.

    Args:
        timeout_s: In which the whole body has to arrive.
        max_bytes: The largest body that the application takes.
    """

    def __init__(self, app: ASGIApp, timeout_s: float, max_bytes: float = math.inf) -> None:
        self.app = app
        self.timeout_s = timeout_s
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._reads(declared_bytes(scope)):
            await self.app(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + self.timeout_s
        try:
            async with asyncio.timeout_at(deadline):
                read = await _beginning(receive)
        except TimeoutError:
            await self._too_late(scope, receive, send)
            return
        whole = read[-1]["type"] == "http.disconnect" or not read[-1].get("more_body")

        late = begun = False

        async def receive_rest() -> Message:
            nonlocal whole, late
            if read:
                return read.pop(0)
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                whole = late = True
                return {"type": "http.disconnect"}
            whole = message["type"] == "http.disconnect" or not message.get("more_body")
            return message

        async def send_unless_late(message: Message) -> None:
            nonlocal begun
            if begun or not late:
                begun = True
                await send(message)

        await self.app(scope, receive_rest, send_unless_late)
        if late and not begun:
            await self._too_late(scope, receive, send)

    def _reads(self, declared: int | None) -> bool:
        """Whether there is a body, and one that the application will take."""
        return declared is None or 0 < declared <= self.max_bytes

    async def _too_late(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"The content did not arrive within {self.timeout_s:g} seconds."
        response = problem_response(problem(408, detail), {"Connection": "close"})
        await response(scope, receive, send)


async def _beginning(receive: Receive) -> list[Message]:
    """Receive messages until the body is whole or large, or its client has left; at least one."""
    read = [await receive()]
    size_bytes = len(read[0].get("body", b""))
    while read[-1].get("more_body") and size_bytes < BUFFER_BYTES:
        read.append(await receive())
        size_bytes += len(read[-1].get("body", b""))
    return read


def in_front() -> list[Middleware]:
    """Return what stands there, outermost first."""
    try:
        settings = ApiSettings.load()
    except SettingsError:  # said where the service starts
        settings = ApiSettings.model_construct()
    return [
        Middleware(WriteDeadline, timeout_s=settings.write_timeout_s),
        Middleware(RequestHeaders),
        # Serve's Python proxy, where it is in front, passes requests on to replicas that stop, too.
        Middleware(NoReplica if haproxy_is_in_front() else UnansweredMessages),
        Middleware(
            WholeBodies, timeout_s=settings.body_timeout_s, max_bytes=settings.max_body_bytes
        ),
    ]
