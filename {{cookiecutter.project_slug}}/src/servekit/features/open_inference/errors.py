"""Problems as clients of the protocol read them."""

import json
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servekit.api.errors import MEDIA_TYPE, reason_of

PREFIX = "/v2"
_PATH = re.compile(rf"{PREFIX}(/(health|models)(/.*)?)?", re.DOTALL)


class ErrorMember:
    """Adds the member `error` to problems of the protocol, where its clients look for a reason.

    Outside guards and limits, because any of them may refuse.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_of_the_protocol(scope):
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def explain(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                if (b"content-type", MEDIA_TYPE.encode()) in message["headers"]:
                    start = message
                    return
            elif start is not None:
                # A problem is sent in one piece. To HEAD none is, and its length is that for GET.
                start["headers"] = [one for one in start["headers"] if one[0] != b"content-length"]
                if message["body"]:
                    message["body"] = body = _explained(message["body"])
                    start["headers"].append((b"content-length", str(len(body)).encode()))
                await send(start)
                start = None
            await send(message)

        await self._app(scope, receive, explain)


def _is_of_the_protocol(scope: Scope) -> bool:
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return _PATH.fullmatch(path) is not None


def _explained(body: bytes | memoryview) -> bytes:
    problem = json.loads(bytes(body))
    return json.dumps(problem | {"error": reason_of(problem)}).encode()
