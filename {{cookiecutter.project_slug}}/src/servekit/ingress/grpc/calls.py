"""A call as the API sees it: a request with a message in place of a body."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol
from urllib.parse import unquote

from fastapi import FastAPI
from google.protobuf.message import Message
from grpc import StatusCode
from starlette.requests import HTTPConnection
from starlette.types import Message as Event
from starlette.types import Scope

from servekit.api.audit_trail import note_refused_message
from servekit.api.errors import reason_of
from servekit.api.principal import SHARED_PEER, caller_of
from servekit.ingress.haproxy import haproxy_is_in_front

from .status import code_of, metadata_of, problem_of

CALL = "grpc.call"
"""The key of a scope that holds the call. A request that came over HTTP has none."""

REQUEST_ID = "x-request-id"
MAX_DETAILS_BYTES = 1_000
SERVES_REQUEST_ID = "request_id"

Give = Callable[[Message], Awaitable[None]]
Metadata = Iterable[tuple[str, str | bytes]]


class Context(Protocol):
    """The context of a call: Ray Serve's, or gRPC's own."""

    def invocation_metadata(self) -> Any: ...
    def trailing_metadata(self) -> Any: ...
    def peer(self) -> str: ...
    def set_code(self, code: StatusCode) -> None: ...
    def set_details(self, details: str) -> None: ...
    def set_trailing_metadata(self, trailing_metadata: Any) -> None: ...


class Call:
    """One call on its way through the API.

    Args:
        path: "/package.Service/Method".
        request: The message.
        context: Takes the code and the trailing metadata.
        give: Takes each message of the answer.

    Attributes:
        failed: Whether it ended in anything but OK.
    """

    def __init__(self, path: str, request: Any, context: Context, give: Give) -> None:
        self.request = request
        self.give = give
        self.failed = False
        self._path = path
        self._context = context
        self._status = 0
        self._body = b""
        self._scope: Scope = {}

    async def put_to(self, api: FastAPI) -> None:
        """Return when all messages are given, or when the context has the code of a failure."""
        self._scope = self._as_request()
        try:
            await api(self._scope, self._receive, self._send)
        except Exception:
            # The API has logged it, and answered with a 500 unless messages were given already.
            self._status = 500
        finally:
            # Else the scope and this would hold each other, and all that the request has made,
            # until a garbage collection, which takes long in a process as large as a replica.
            self._scope.pop(CALL)
        if self._status >= 400:
            self.fail(self._status, problem_of(self._status, self._body))

    @property
    def caller(self) -> str:
        """A name for the caller, once the call was put to the API; "" for an unknown one."""
        return caller_of(self._scope)

    def refuse(self, status: int, problem: dict[str, Any]) -> None:
        """Fail after the API has let the call in; the audit trail has it."""
        note_refused_message(HTTPConnection(self._scope), status)
        self.fail(status, problem)

    def fail(self, status: int, problem: dict[str, Any]) -> None:
        self.failed = True
        self._context.set_code(code_of(status))
        # Percent-encoded, a character may take nine bytes of the metadata, which has a limit.
        reason = reason_of(problem).encode()[:MAX_DETAILS_BYTES]
        self._context.set_details(reason.decode(errors="ignore"))

    def _as_request(self) -> Scope:
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "2",
            "method": "POST",
            "scheme": "http",
            "path": self._path,
            "raw_path": self._path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": headers_of(self._context),
            "client": address_of(self._context.peer()),
            "server": None,
            "state": {},
            SHARED_PEER: haproxy_is_in_front(),
            CALL: self,
        }

    @staticmethod
    async def _receive() -> Event:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, event: Event) -> None:
        if event["type"] == "http.response.start":
            self._status = event["status"]
            # Set before the first message: Serve's Python proxy reads it no later than that.
            request_id = (REQUEST_ID, self._scope["state"]["request_id"])
            trailing = [request_id, *metadata_of(event.get("headers", ()))]
            self._context.set_trailing_metadata(trailing)
        elif self._status >= 400:
            self._body += event.get("body", b"")


def headers_of(context: Context) -> list[tuple[bytes, bytes]]:
    """Return the metadata of a call as headers, with Serve's request id where it has none."""
    metadata: Metadata = context.invocation_metadata() or ()
    headers = [(name.encode("latin-1"), _bytes(value)) for name, value in metadata]
    if all(name != b"x-request-id" for name, _ in headers):
        # Its name in Serve's metadata is another one.
        given = [*metadata, *(context.trailing_metadata() or ())]
        found = next((value for name, value in given if name == SERVES_REQUEST_ID), None)
        if found:
            headers.append((REQUEST_ID.encode(), _bytes(found)))
    return headers


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1", "replace")


def address_of(peer: str) -> tuple[str, int] | None:
    """Return the address in `ipv4:192.0.2.1:4711` or `ipv6:%5B2001:db8::1%5D:4711`, else None."""
    kind, _, place = unquote(peer).partition(":")
    host, _, port = place.rpartition(":")
    if kind not in {"ipv4", "ipv6"} or not port.isdigit():
        return None
    return host.strip("[]"), int(port)
