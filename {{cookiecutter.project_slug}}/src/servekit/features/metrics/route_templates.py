"""Finds the route template of a request, for labels with few values."""

from collections import defaultdict
from typing import Any

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.types import Scope

NO_ROUTE = "none"
"""The label of all paths without a route."""


class RouteTemplates:
    """The templates of an application's routes, by endpoint."""

    def __init__(self, app: FastAPI) -> None:
        # Not by `scope["route"].path`: that one lacks the prefixes of the routers around it.
        self._routes: dict[Any, list[RouteContext]] = defaultdict(list)
        self._all: list[RouteContext] = []
        for route in iter_route_contexts(app.routes):
            if route.path_format is None:
                continue
            self._all.append(route)
            if route.endpoint is not None:
                self._routes[route.endpoint].append(route)

    def template(self, scope: Scope, root_path: str) -> str:
        """The path of the route that a request was for, its parameters in braces.

        root_path: of the scope as it came: an application that is mounted here changes it, and
            has found an endpoint of its own.
        """
        # No endpoint has been found where a middleware answered, such as with a 429.
        is_here = scope.get("root_path", "") == root_path
        routes = (is_here and self._routes.get(scope.get("endpoint"))) or self._all
        if len(routes) == 1:
            return str(routes[0].path_format)
        path = scope["path"].removeprefix(root_path)
        matching = (route for route in routes if route.path_regex.match(path))
        return next((str(route.path_format) for route in matching), NO_ROUTE)
