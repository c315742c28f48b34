"""What HTTP clients expect of any resource, and FastAPI does not do by itself."""

from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HttpConventions:
    """Answers HEAD as GET without a body, and a prefix without a slash as the one with it.

    Load balancers and monitors probe with HEAD (RFC 9110, section 9.3.2).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"] == scope.get("root_path"):
            scope["path"] += "/"
        if scope["method"] != "HEAD" or _has_route(scope):
            await self.app(scope, receive, send)
            return
        scope["method"] = "GET"
        try:
            await self.app(scope, receive, _without_body(send))
        finally:
            scope["method"] = "HEAD"  # as logs and metrics have it


def _has_route(scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in scope["app"].routes)


def _without_body(send: Send) -> Send:
    async def head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return head
