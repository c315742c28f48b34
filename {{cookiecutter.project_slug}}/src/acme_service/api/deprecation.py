"""Tells callers that a route has a successor."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

DEPRECATED_SINCE = datetime(2026, 11, 1, tzinfo=UTC)
SUCCESSOR = "/v2/detect"

_SINCE = f"@{DEPRECATED_SINCE.timestamp():.0f}"


class DeprecatedRoute(APIRoute):
    """A route whose answers carry the headers of RFC 9745 and a link to what replaces it."""

    # Not a dependency: FastAPI takes some twenty microseconds to resolve one.

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def deprecated(request: Request) -> Response:
            response = await answer(request)
            successor = request.scope.get("root_path", "") + SUCCESSOR
            response.headers["Deprecation"] = _SINCE
            response.headers["Link"] = f'<{successor}>; rel="successor-version"'
            return response

        return deprecated
