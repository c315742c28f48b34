"""Tokens of browsers, which cannot set the headers of a WebSocket."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BEARER = "bearer"


class BearerSubprotocol:
    """Takes `Sec-WebSocket-Protocol: bearer, <token>` for the header that a browser cannot set.

    The socket then answers `bearer`: a browser closes one that chooses none of what it offered.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        offered = scope["subprotocols"] if scope["type"] == "websocket" else []
        if len(offered) < 2 or offered[0] != BEARER:
            await self.app(scope, receive, send)
            return

        async def chosen(message: Message) -> None:
            if message["type"] == "websocket.accept" and not message.get("subprotocol"):
                message = {**message, "subprotocol": BEARER}
            await send(message)

        _, token, *others = offered
        header = (b"authorization", b"Bearer " + token.encode("latin-1", "replace"))
        # After the others, so that a header that was really sent comes first.
        scope = {**scope, "headers": [*scope["headers"], header], "subprotocols": others}
        await self.app(scope, receive, chosen)
