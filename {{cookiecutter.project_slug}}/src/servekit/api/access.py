"""Guards and limits every route that is not declared open.

That follows from how a router was included, never from its path.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute, APIWebSocketRoute, RouteContext, iter_route_contexts
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from .body_limit import declared_bytes
from .errors import ApiWithProblems, ProblemError, documented
from .fast_route import RouteInFront, fast_routes
from .feature import Feature

GUARDED = "servekit.guarded"
"""In the scope of a request, the API whose guards have let it pass; others may be mounted in it."""

LOOKED_AT = "servekit.looked_at"
"""The API that has looked at the size of its body."""

LARGE_BYTES = 64 * 1024


class Group(StrEnum):
    """Routes that share a rate limit.

    SERVICE: pages about the service itself, without a limit.
    SIGN_IN: routes that check passwords.
    MODELS: all others, including paths that lead nowhere.
    """

    SERVICE = "service"
    SIGN_IN = "sign_in"
    MODELS = "models"


class GuardedApi(ApiWithProblems):
    """Puts the guards of features before each route that is not included as an open one.

    That goes for routes and routers that are added later, by `@app.get` or `app.include_router`.

    security: the OpenAPI security of the guards.
    credentials: the headers that they read, in lower case.
    """

    def __init__(self, features: Sequence[Feature], **options: Any) -> None:
        self._guards = [guard for feature in features for guard in feature.guards]
        self._guard = Depends(self.guard) if self._guards else None
        self.security = [one for feature in features for one in feature.security]
        self.credentials = frozenset(
            name.lower().encode() for feature in features for name in feature.credentials
        )
        self._refusals = {one for feature in features for one in feature.refusals}
        super().__init__(
            # One dependency for all guards: to resolve one costs a request some ten microseconds.
            dependencies=[*self.security, *([self._guard] if self._guard else [])],
            responses=documented(sorted(self._refusals)),
            **options,
        )
        # What FastAPI has added by now is the documentation.
        self._open = [*self.routes]
        self._groups = {id(route): Group.SERVICE for route in self.routes}
        self._grouped_paths: list[re.Pattern[str]] = []
        self._fast_paths: frozenset[str] = frozenset()

    async def guard(self, connection: HTTPConnection) -> None:
        """Run all guards, in the order of their features. The first that raises refuses."""
        if connection.scope.get(GUARDED) is self:
            return
        for guard in self._guards:
            await guard(connection)

    def is_open(self, route: BaseRoute) -> bool:
        """Whether a route has no guards."""
        return any(route is one for one in self._open)

    def include_open(self, router: APIRouter, group: Group = Group.MODELS) -> None:
        """Include a router without guards. It is limited as its group is."""
        mine = self.router
        guarded = mine.dependencies, mine.responses
        limited = {429} & self._refusals if group is not Group.SERVICE else ()
        mine.dependencies, mine.responses = [], documented(limited)
        self.include_router(router)
        mine.dependencies, mine.responses = guarded
        self._declare_open(group)

    def mount_open(self, path: str, app: ASGIApp, group: Group = Group.MODELS) -> None:
        """Mount an application without guards. It is limited as its group is."""
        self.mount(path, app)
        self._declare_open(group)

    def _declare_open(self, group: Group) -> None:
        """Mark the route that was added last as open."""
        self._open.append(self.routes[-1])
        if group is not Group.MODELS:
            self._groups[id(self.routes[-1])] = group

    def group_of(self, scope: Scope) -> Group:
        """The group of the route that a request or a WebSocket is for."""
        group = Group.MODELS
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        # Quick for most requests: FastAPI takes up to fifty microseconds to find a route.
        if path in self._fast_paths or not any(one.match(path) for one in self._grouped_paths):
            return group
        scope = {**scope, LOOKED_AT: self}
        for route in self.routes:
            match, _ = route.matches(scope)
            if match is Match.FULL:
                return self._groups.get(id(route), Group.MODELS)
            if match is Match.PARTIAL and self._groups.get(id(route)) is Group.SERVICE:
                group = Group.SERVICE
        return group

    def build_middleware_stack(self) -> ASGIApp:
        """Check every route when the service starts.

        Raises:
            TypeError: A route takes no guards.
        """
        # Made anew each time.
        self.router.routes[:] = [one for one in self.routes if not isinstance(one, RouteInFront)]
        grouped = [route for route in self.routes if id(route) in self._groups]
        self._grouped_paths = [one.path_regex for one in iter_route_contexts(grouped)]
        if self._guards:
            for route in self.routes:
                if not self.is_open(route):
                    _check_guarded(route)
        fast = fast_routes(self, self._guard, self._open)
        self._fast_paths = frozenset(one.path for one in fast)
        self.router.routes[:0] = [LargeBodies(self), *fast]
        return super().build_middleware_stack()


class LargeBodies(RouteInFront):
    """Runs the guards of a request with a large body before the body is read, which takes long.

    FastAPI reads and parses a body before it runs a guard, and 4 MiB of nothing but brackets keep
    the event loop busy for a second. To sign in takes no such body, so none is accepted there.
    """

    def __init__(self, api: GuardedApi) -> None:
        self._api = api
        self._counted = RequestBodyLimitMiddleware(api.router, LARGE_BYTES)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope.get(LOOKED_AT) is self._api:
            return Match.NONE, {}
        declared = declared_bytes(scope)
        is_large = declared is None or declared > LARGE_BYTES
        return (Match.FULL if is_large else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        api = scope[LOOKED_AT] = self._api
        route = next((one for one in api.routes if one.matches(scope)[0] is Match.FULL), None)
        if route is not None and not api.is_open(route):
            await api.guard(HTTPConnection(scope))
            scope[GUARDED] = api
        elif api.group_of(scope) is Group.SIGN_IN:
            if declared_bytes(scope) is not None:
                raise ProblemError(413, f"The request is larger than {LARGE_BYTES} bytes.")
            await self._counted(scope, receive, send)
            return
        await api.router(scope, receive, send)


class Guarded:
    """An ASGI application behind the guards, to be mounted: `app.mount("/path", Guarded(other))`.

    FastAPI puts dependencies before its own routes alone.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["app"].guard(HTTPConnection(scope))
        await self.app(scope, receive, send)


def _check_guarded(route: BaseRoute) -> None:
    for context in iter_route_contexts([route]):
        original = context.original_route
        takes_dependencies = isinstance(original, (APIRoute, APIWebSocketRoute))
        if not (takes_dependencies or isinstance(getattr(original, "app", None), Guarded)):
            raise TypeError(
                f"No guard stands before the route {_path(context)}: mount `Guarded(app)` there, "
                "or give it to a feature's `routers` to leave it open"
            )


def _path(context: RouteContext) -> str:
    return context.path or type(context.original_route).__name__
