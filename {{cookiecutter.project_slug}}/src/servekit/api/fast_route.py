"""Routes that go from the body of a request to the model and back without a detour.

FastAPI solves a graph of dependencies for each request, which costs several times as much as
everything else that the route of a model does. Such a route needs no graph: it has one body, and
asks one model.
"""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from types import MappingProxyType
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.datastructures import DefaultPlaceholder
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.params import Depends
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from fastapi.telemetry import get_telemetry_data
from starlette.datastructures import URLPath
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Match, NoMatchFound, request_response
from starlette.types import Message, Receive, Scope, Send

from servekit.chunks import ready_together
from servekit.contracts import Contract, Prediction, Predictor

from .dependencies import model_for
from .exchange import Header
from .model_header import model_headers
from .streams import share_held, started

JSON_TYPES = frozenset({b"application/json", b"application/json; charset=utf-8"})
"""What most clients send. FastAPI takes others too, and looks at each more closely."""

JSON = (b"content-type", b"application/json")

DEFAULTS = {
    "status_code": None,
    "response_model_include": None,
    "response_model_exclude": None,
    "response_model_by_alias": True,
    "response_model_exclude_unset": False,
    "response_model_exclude_defaults": False,
    "response_model_exclude_none": False,
}
"""Options of a route that change its answer, and the values that change nothing."""


KEEP_ALIVE_S = 15.0
"""How long a stream is silent before `keep_alive` is sent: as long as in FastAPI."""

Guard = Callable[[HTTPConnection], Awaitable[object]]
Predictions = AsyncIterator[Prediction[Any]]


class ModelCall(NamedTuple):
    """What a route of a model does between its body and its answer.

    contract: of the model.
    answer: takes the body and the model; returns the answer and the version that gave it.
    response_class: that of the route; None for the default one.
    """

    contract: Contract
    answer: Callable[[Any, Any], Awaitable[tuple[Any, str]]]
    response_class: type[Response] | None = None

    def route(self, context: RouteContext, guard: Guard | None, app: FastAPI) -> "FastRoute":
        return FastRoute(context, self, guard, app)


class StreamCall(NamedTuple):
    """What a route of a model that streams does between its body and its answer.

    contract: of the model.
    predictions: takes the body and the model.
    written: makes the bytes of each part of the content.
    media_type: of the content.
    headers: of the response.
    response_class: that of the route; None for the default one.
    keep_alive: what is sent while nothing comes, for proxies that close idle connections.
    """

    contract: Contract
    predictions: Callable[[Any, Any], Predictions]
    written: Callable[[Predictions], AsyncIterator[bytes]]
    media_type: str
    headers: Mapping[str, str] = MappingProxyType({})
    response_class: type[Response] | None = None
    keep_alive: bytes = b""

    def route(self, context: RouteContext, guard: Guard | None, app: FastAPI) -> "FastRoute":
        return FastStream(context, self, guard, app)


class RouteInFront(BaseRoute):
    """A route of the kit before those that FastAPI makes, which know the paths of their names."""

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        raise NoMatchFound(name, path_params)


class FastRoute(RouteInFront):
    """Answers just as the FastAPI route beside it, to which it leaves unusual requests.

    Unusual is a request with another content type or broken JSON, one whose body comes in pieces,
    one that is traced (FastAPI makes spans of its own), and any while dependencies are overridden.

    Args:
        context: The route beside it, as the API includes it.
        call: What that route does.
        guard: Awaited before the body is validated; raises an error to refuse.
        app: The API.
    """

    def __init__(
        self,
        context: RouteContext,
        call: Any,
        guard: Guard | None,
        app: FastAPI,
    ) -> None:
        self.path = self.path_format = str(context.path)
        self.path_regex = re.compile(re.escape(self.path) + r"\Z")
        self._call = call
        self._guard = guard
        self._app = app
        self._beside: Any = context
        self._body, self._answer = self._beside.body_field, self._beside.response_field
        self._found = {"endpoint": context.endpoint, "route": context.original_route}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if (
            scope["type"] == "http"
            and scope["path"] == scope.get("root_path", "") + self.path
            and scope["method"] == "POST"
        ):
            return Match.FULL, {**self._found, "path_params": {**scope.get("path_params", {})}}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        again = _again(message, receive)
        try:
            body = self._read(scope, message)
        except ValueError:
            # Also broken JSON: what is said of it is FastAPI's to say.
            await self._beside.app(scope, again, send)
            return
        await self._respond(Request(scope, again, send), body, send)

    async def _respond(self, request: Request, body: Any, send: Send) -> None:
        try:
            headers, content = await self._answered(request, body)
        except Exception as error:
            # With a request whose body a handler can read again.
            await request_response(_raising(error))(request.scope, request.receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _answered(self, request: Request, body: Any) -> tuple[list[Header], bytes]:
        """Return the headers and the content of the response."""
        item, model, vary = await self._inputs(request, body)
        value, version = await self._call.answer(item, model)
        content = self._written(value)
        headers = [(b"content-length", b"%d" % len(content)), JSON]
        if vary:
            headers.append((b"vary", vary.encode()))
        return [*headers, *model_headers(version)], content

    async def _inputs(self, request: Request, body: Any) -> tuple[Any, Predictor[Any, Any], str]:
        """Return the valid body, the model, and the header that decides its side of the canary."""
        if self._guard:
            await self._guard(request)
        item, errors = self._body.validate(body, {}, loc=("body",))
        if errors:
            raise RequestValidationError(errors, body=body)
        return item, *model_for(self._call.contract, request)

    def _read(self, scope: Scope, message: Message) -> Any:
        """Raises ValueError for what the route beside this one has to answer."""
        whole = message["type"] == "http.request" and not message.get("more_body")
        kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
        if not whole or kind not in JSON_TYPES:
            raise ValueError("not whole, or not JSON")
        if self._app.dependency_overrides or get_telemetry_data() is not None:
            raise ValueError("not of this route alone")
        try:
            return json.loads(message.get("body", b""))
        except RecursionError:
            raise ValueError("too deep") from None

    def _written(self, value: Any) -> bytes:
        checked, errors = self._answer.validate(value, {}, loc=("response",))
        if errors:
            raise ResponseValidationError(errors, body=value)
        return self._answer.serialize_json(checked)


class FastStream(FastRoute):
    """Streams as the route beside it, with what is ready in one message.

    FastAPI hands each part through two queues, with a timer for each; here it is a part of a list.
    """

    async def _respond(self, request: Request, body: Any, send: Send) -> None:
        async with AsyncExitStack() as held:

            async def respond(request: Request) -> Response:
                item, model, vary = await self._inputs(request, body)
                held.enter_context(share_held(request))
                predictions = self._call.predictions(item, model)
                first, whole = await held.enter_async_context(started(predictions))
                content = await held.enter_async_context(aclosing(self._content(whole)))
                response = StreamingResponse(
                    content, headers=self._call.headers, media_type=self._call.media_type
                )
                if vary:
                    response.headers["vary"] = vary
                response.raw_headers.extend(model_headers(first.version if first else ""))
                return response

            await request_response(respond)(request.scope, request.receive, send)

    async def _content(self, predictions: Predictions) -> AsyncGenerator[bytes, None]:
        keep_alive: bytes = self._call.keep_alive
        parts = self._call.written(predictions)
        idle_s = KEEP_ALIVE_S if keep_alive else None
        async with aclosing(ready_together(parts, len, idle_s)) as chunks:
            async for chunk in chunks:
                yield b"".join(chunk) or keep_alive


def _again(message: Message, receive: Receive) -> Receive:
    """Give a message that was received already, then the others."""
    received = [message]

    async def again() -> Message:
        return received.pop() if received else await receive()

    return again


def _raising(error: Exception) -> Callable[[Request], Awaitable[Response]]:
    async def respond(_: Request) -> Response:
        raise error

    return respond


def fast_routes(
    app: FastAPI, guard: Depends | None, open_routes: Sequence[BaseRoute]
) -> list[FastRoute]:
    """Return a fast route for each route of a model that needs no dependency but the guards.

    Args:
        app: The API.
        guard: Of all routes that are not open; None where nothing is guarded.
        open_routes: Those that have no guards.
    """
    found: list[FastRoute] = []
    earlier: list[RouteContext] = []
    for route in app.routes:
        is_open = any(route is one for one in open_routes)
        for context in iter_route_contexts([route]):
            call: ModelCall | StreamCall | None = getattr(context.original_route, "call", None)
            shadowed = any(_shadows(one, context) for one in earlier) if call else False
            if call and not is_open and not shadowed and _is_plain(context, call, guard):
                found.append(call.route(context, guard and guard.dependency, app))
            earlier.append(context)
    return found


def _is_plain(context: Any, call: ModelCall | StreamCall, guard: Depends | None) -> bool:
    return (
        type(context.original_route) is APIRoute
        and "{" not in context.path
        and _is_class(context.response_class, call.response_class)
        and all(getattr(context, name) == value for name, value in DEFAULTS.items())
        and (guard is None or any(one is guard for one in context.dependencies))
        and all(one is guard or _checks_nothing(one) for one in context.dependencies)
    )


def _is_class(given: Any, expected: type[Response] | None) -> bool:
    return isinstance(given, DefaultPlaceholder) if expected is None else given is expected


def _checks_nothing(dependency: Depends) -> bool:
    """Whether a dependency only documents, and checks nothing."""
    return getattr(dependency.dependency, "checks_nothing", False)


def _shadows(earlier: Any, context: RouteContext) -> bool:
    """Whether an earlier route may answer in the place of this one, as hosts and mounts may."""
    pattern, methods = getattr(earlier, "path_regex", None), getattr(earlier, "methods", None)
    if pattern is None:
        return True
    return bool(pattern.match(context.path)) and (methods is None or "POST" in methods)
