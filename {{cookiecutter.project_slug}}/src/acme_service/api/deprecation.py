"""Tells callers that a route has a successor."""

from datetime import UTC, datetime

from fastapi import Request, Response

DEPRECATED_SINCE = datetime(2026, 11, 1, tzinfo=UTC)
SUCCESSOR = "/v2/detect"


async def deprecated(request: Request, response: Response) -> None:
    """A dependency that sets the headers of RFC 9745 and a link to what replaces the route."""
    successor = request.scope.get("root_path", "") + SUCCESSOR
    response.headers["Deprecation"] = f"@{DEPRECATED_SINCE.timestamp():.0f}"
    response.headers["Link"] = f'<{successor}>; rel="successor-version"'
