"""Reads credentials from the WebSocket subprotocol: browsers cannot set its headers."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .accounts import KEY_HEADER

HEADERS = {"bearer": (b"authorization", b"Bearer "), "key": (KEY_HEADER.lower().encode(), b"")}
"""The header that stands for a subprotocol, and what precedes the credential in it."""


class CredentialSubprotocol:
    """Reads `Sec-WebSocket-Protocol: bearer, <token>` as the header that a browser cannot set.

    `key, <key>` likewise. The socket then answers `bearer` or `key`: a browser closes one that
    chooses none of what it offered.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        offered = scope["subprotocols"] if scope["type"] == "websocket" else []
        if len(offered) < 2 or offered[0] not in HEADERS:
            await self.app(scope, receive, send)
            return

        kind, credential, *others = offered
        name, before = HEADERS[kind]

        async def chosen(message: Message) -> None:
            if message["type"] == "websocket.accept" and not message.get("subprotocol"):
                message = {**message, "subprotocol": kind}
            await send(message)

        header = (name, before + credential.encode("latin-1", "replace"))
        # After the others, so that a header that was really sent comes first.
        scope = {**scope, "headers": [*scope["headers"], header], "subprotocols": others}
        await self.app(scope, receive, chosen)
