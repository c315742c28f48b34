"""Reads and checks requests before Ray Serve sees them, in each replica and each proxy.

Ray Serve calls `in_front` because `deploy/serve.env` says so.
"""

import asyncio
import math

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servekit.api.body_limit import declared_bytes
from servekit.api.errors import RETRY_AFTER_S, problem, problem_response
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

MAX_UNFINISHED_BYTES = 64 * 1024 * 1024
"""How much a process holds of bodies that are not whole."""

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


class TooMuchUnfinishedError(Exception):
    """Unfinished bodies fill their share of the memory."""


class Unfinished:
    """Counts the bytes of all bodies of a process that have begun to arrive, and are not whole.

    Args:
        max_bytes: How many there may be.
    """

    def __init__(self, max_bytes: int = MAX_UNFINISHED_BYTES) -> None:
        self._free_bytes = max_bytes

    async def rest(self, first: Message, receive: Receive, max_bytes: float) -> list[Message]:
        """Receive what is left of a body until it is whole or too large, or its client has left.

        The pieces are joined: a message for every byte would take far more than is counted.

        Raises:
            TooMuchUnfinishedError: Too much is arriving in this process.
        """
        body, message = bytearray(), first
        try:
            while message["type"] == "http.request":
                piece = message.get("body", b"")
                if len(piece) > self._free_bytes:
                    raise TooMuchUnfinishedError
                self._free_bytes -= len(piece)
                body += piece
                more = message.get("more_body", False)
                if not more or len(body) > max_bytes:
                    return [{**message, "body": bytes(body), "more_body": more}]
                message = await receive()
            return [{**first, "body": bytes(body), "more_body": True}, message]
        finally:
            self._free_bytes += len(body)


UNFINISHED = Unfinished()


class WholeBodies:
    """Reads the body of a request before it takes a place among those that run.

    A request would take one with its headers: a thousand clients that send a byte now and then
    would keep out all others, health checks included. One that is not there in time is answered
    408, and 503 where too much is arriving at once. One that is too large is not waited for: the
    application refuses it at once.

    Args:
        timeout_s: In which the whole body has to arrive.
        max_bytes: The largest body that the application takes.
        unfinished: Counts what has arrived of bodies that are not whole.
    """

    def __init__(
        self,
        app: ASGIApp,
        timeout_s: float,
        max_bytes: float = math.inf,
        unfinished: Unfinished = UNFINISHED,
    ) -> None:
        self.app = app
        self.timeout_s = timeout_s
        self.max_bytes = max_bytes
        self.unfinished = unfinished

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._reads(declared_bytes(scope)):
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.timeout_s):
                read = [await receive()]
                if read[0].get("more_body"):
                    read = await self.unfinished.rest(read[0], receive, self.max_bytes)
        except TimeoutError:
            detail = f"The content did not arrive within {self.timeout_s:g} seconds."
            response = problem_response(problem(408, detail), {"Connection": "close"})
            await response(scope, receive, send)
            return
        except TooMuchUnfinishedError:
            detail = "Too many large requests are arriving at once."
            headers = {"Connection": "close", "Retry-After": str(RETRY_AFTER_S)}
            await problem_response(problem(503, detail), headers)(scope, receive, send)
            return

        async def receive_again() -> Message:
            return read.pop(0) if read else await receive()

        await self.app(scope, receive_again, send)

    def _reads(self, declared: int | None) -> bool:
        """Whether the application will read a body."""
        return declared is None or 0 < declared <= self.max_bytes


def in_front() -> list[Middleware]:
    """Return the middleware in front of Ray Serve, outermost first."""
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
