"""Reads and checks requests before Ray Serve sees them, in each replica and each proxy.

Ray Serve calls `in_front` because `deploy/serve.env` says so.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from time import perf_counter
from uuid import uuid4

from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servekit import audit
from servekit.api.body_limit import declared_bytes
from servekit.api.client_address import address_of, site_of
from servekit.api.errors import RETRY_AFTER_S, ProblemError, problem, problem_response
from servekit.api.principal import SHARED_PEER, caller_by_address
from servekit.api.request_id import HEADER as REQUEST_ID
from servekit.api.request_id import VALID, claimed_id
from servekit.api.settings import ApiSettings
from servekit.contracts import Meter, NullMeter
from servekit.contracts.request_id import request_id as current_id
from servekit.logs import KIT_LOGGER, configure_logging
from servekit.settings import SettingsError

from .handshakes import refuse_unreadable_handshakes
from .haproxy import haproxy_is_in_front
from .meter import RayMeter
from .no_replica import NoReplica
from .unanswered import UnansweredMessages
from .write_deadline import WriteDeadline

log = logging.getLogger(__name__)

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

MIN_SHARE_BYTES = 16 * 1024 * 1024
ADDRESSES = 4
"""How many addresses may use up what they share."""

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


class Unfinished:
    """Counts the bytes of all bodies of a process that have begun to arrive, and are not whole.

    Args:
        max_body_bytes: The largest body that the application takes. Two of them fit in a share.
        share_bytes: How much one address may have; it is more where two bodies need more.
    """

    def __init__(self, max_body_bytes: int, share_bytes: int = MIN_SHARE_BYTES) -> None:
        self._max_body_bytes = max_body_bytes
        self._share_bytes = max(share_bytes, 2 * max_body_bytes)
        self._free_bytes = ADDRESSES * self._share_bytes
        self._held_bytes: Counter[str] = Counter()

    async def rest(self, first: Message, receive: Receive, caller: str) -> list[Message]:
        """Receive what is left of a body until it is whole or too large, or its client has left.

        The pieces are joined: a message for every byte would take far more than is counted.

        Args:
            first: What has arrived.
            receive: Gives the others.
            caller: Has a share by this name. An unknown one, "", has none: all would share it.

        Raises:
            ProblemError: Too much is arriving, of this caller or in this process.
        """
        body, message = bytearray(), first
        try:
            while message["type"] == "http.request":
                piece = message.get("body", b"")
                self._take(caller, len(piece))
                body += piece
                more = message.get("more_body", False)
                if not more or len(body) > self._max_body_bytes:
                    return [{**message, "body": bytes(body), "more_body": more}]
                message = await receive()
            return [{**first, "body": bytes(body), "more_body": True}, message]
        finally:
            self._take(caller, -len(body))

    def _take(self, caller: str, size: int) -> None:
        if size > self._free_bytes:
            raise ProblemError(503, "Too many large requests are arriving at once.")
        if caller:
            if self._held_bytes[caller] + size > self._share_bytes:
                raise ProblemError(429, "Too many large requests of one address arrive at once.")
            self._held_bytes[caller] += size
            if not self._held_bytes[caller]:
                del self._held_bytes[caller]
        self._free_bytes -= size


class WholeBodies:
    """Reads the body of a request before it takes a place among those that run.

    A request would take one with its headers: a thousand clients that send a byte now and then
    would keep out all others, health checks included. One that is not there in time is answered
    408; where too much is arriving at once it is a 429 for the address that sends it, and a 503
    for all. One that is too large is not waited for: the application refuses it at once.

    Args:
        settings: Of the API: how large a body may be, in which time it has to arrive, and how
            many proxies tell the address of its client.
        unfinished: Counts what has arrived of bodies that are not whole.
        meter: Makes what counts the requests that are refused.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ApiSettings,
        unfinished: Unfinished,
        meter: Callable[[], Meter] = NullMeter,
    ) -> None:
        self.app = app
        self.settings = settings
        self.unfinished = unfinished
        self.meter = meter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._reads(declared_bytes(scope)):
            await self.app(scope, receive, send)
            return
        began = perf_counter()
        try:
            read = await self._read(scope, receive)
        except ProblemError as error:
            response = self._refusal(error, scope, perf_counter() - began)
            await response(scope, receive, send)
            return

        async def receive_again() -> Message:
            return read.pop(0) if read else await receive()

        await self.app(scope, receive_again, send)

    def _reads(self, declared: int | None) -> bool:
        """Whether the application will read a body."""
        return declared is None or 0 < declared <= self.settings.max_body_bytes

    async def _read(self, scope: Scope, receive: Receive) -> list[Message]:
        timeout_s = self.settings.body_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                first = await receive()
                if not first.get("more_body"):
                    return [first]
                caller = caller_by_address(scope, self.settings.trusted_hops)
                return await self.unfinished.rest(first, receive, caller)
        except TimeoutError:
            detail = f"The content did not arrive within {timeout_s:g} seconds."
            raise ProblemError(408, detail) from None

    def _refusal(self, error: ProblemError, scope: Scope, seconds: float) -> Response:
        """Count and log a request as the application would, which does not see it."""
        request_id = claimed_id(scope) or str(uuid4())
        current_id.set(request_id)
        address = address_of(scope, self.settings.trusted_hops)
        said = {
            "method": scope["method"],
            "path": scope["path"],
            "status": error.status,
            "address": address,
        }
        self.meter.count("body_refused_total", status=str(error.status))
        log.info("request", extra=said | {"seconds": round(seconds, 4)})
        headers = {"Connection": "close", "X-Request-ID": request_id}
        if error.status == 429:
            audit.record_refusal("refusal", site_of(address), reason="unfinished bodies", **said)
        if error.status != 408:
            headers["Retry-After"] = str(RETRY_AFTER_S)
        return problem_response(problem(error.status, error.detail), headers)


def in_front() -> list[Middleware]:
    """Return the middleware in front of Ray Serve, outermost first."""
    try:
        settings = ApiSettings.load()
    except SettingsError:  # said where the service starts
        settings = ApiSettings.model_construct()
    configure_logging(settings.log_level, KIT_LOGGER)  # Ray Serve's proxies have no other
    refuse_unreadable_handshakes()
    return [
        Middleware(WriteDeadline, timeout_s=settings.write_timeout_s),
        Middleware(RequestHeaders),
        # Serve's Python proxy, where it is in front, passes requests on to replicas that stop, too.
        Middleware(NoReplica if haproxy_is_in_front() else UnansweredMessages),
        Middleware(
            WholeBodies,
            settings=settings,
            unfinished=Unfinished(settings.max_body_bytes),
            meter=RayMeter,
        ),
    ]
