"""Routes that go from the body of a request to the model and back without a detour.

FastAPI solves a graph of dependencies for each request, which costs several times as much as
everything else that the route of a model does. Such a route needs no graph: it has one body, and
asks one model.
"""

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.datastructures import DefaultPlaceholder
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.params import Depends
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from fastapi.telemetry import get_telemetry_data
from starlette.datastructures import URLPath
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound, request_response
from starlette.types import Message, Receive, Scope, Send

from servekit.contracts import Contract

from .dependencies import model_for
from .exchange import Header
from .model_header import model_headers

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


class ModelCall(NamedTuple):
    """What a route of a model does between its body and its answer.

    contract: of the model.
    answer: takes the body and the model; returns the answer and the version that gave it.
    """

    contract: Contract
    answer: Callable[[Any, Any], Awaitable[tuple[Any, str]]]


class RouteInFront(BaseRoute):
    """A route of the kit before those that FastAPI makes, which know the paths of their names."""

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        raise NoMatchFound(name, path_params)


class FastRoute(RouteInFront):
    """Answers as the route beside it, byte for byte, and leaves to that one what is unusual.

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
        call: ModelCall,
        guard: Callable[[HTTPConnection], Awaitable[object]] | None,
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
        try:
            headers, content = await self._answered(Request(scope, again, send), body)
        except Exception as error:
            # With a request whose body a handler can read again.
            await request_response(_raising(error))(scope, again, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _answered(self, request: Request, body: Any) -> tuple[list[Header], bytes]:
        """Return the headers and the content of the response."""
        if self._guard:
            await self._guard(request)
        item, errors = self._body.validate(body, {}, loc=("body",))
        if errors:
            raise RequestValidationError(errors, body=body)
        model, vary = model_for(self._call.contract, request)
        value, version = await self._call.answer(item, model)
        content = self._written(value)
        headers = [(b"content-length", b"%d" % len(content)), JSON]
        if vary:
            headers.append((b"vary", vary.encode()))
        return [*headers, *model_headers(version)], content

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
            call: ModelCall | None = getattr(context.original_route, "call", None)
            shadowed = any(_shadows(one, context) for one in earlier) if call else False
            if call and not is_open and not shadowed and _is_plain(context, guard):
                found.append(FastRoute(context, call, guard and guard.dependency, app))
            earlier.append(context)
    return found


def _is_plain(context: Any, guard: Depends | None) -> bool:
    return (
        type(context.original_route) is APIRoute
        and "{" not in context.path
        and isinstance(context.response_class, DefaultPlaceholder)
        and all(getattr(context, name) == value for name, value in DEFAULTS.items())
        and (guard is None or any(one is guard for one in context.dependencies))
        and all(one is guard or _checks_nothing(one) for one in context.dependencies)
    )


def _checks_nothing(dependency: Depends) -> bool:
    """Whether it is there for OpenAPI alone."""
    return getattr(dependency.dependency, "checks_nothing", False)


def _shadows(earlier: Any, context: RouteContext) -> bool:
    """Whether an earlier route may answer in the place of this one, as hosts and mounts may."""
    pattern, methods = getattr(earlier, "path_regex", None), getattr(earlier, "methods", None)
    if pattern is None:
        return True
    return bool(pattern.match(context.path)) and (methods is None or "POST" in methods)
