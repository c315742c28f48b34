"""Bounds what a WebSocket leaves unread in front of an application."""

from collections import deque

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES = 16 * 1024 * 1024
"""Far more than the sockets of the kit let wait, and little enough for a proxy."""

MESSAGE_BYTES = 1024
"""What a message takes beside its content, on its way between processes."""

PIECE = '{"type": "prediction"'
"""How a part of an answer begins that the sockets of models send; `done` or `error` ends it."""

TOO_MUCH = {"type": "websocket.close", "code": 1008, "reason": "too many unanswered messages"}


class UnansweredMessages:
    """Closes a WebSocket that sends on and on without an answer.

    For Ray Serve's Python proxy, which reads ahead without a bound: it cannot tell what the
    application has read, so each message that goes out stands for one that was answered,
    but for the pieces of a stream.

    Args:
        max_bytes: How much may be unanswered.
    """

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BYTES) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        unanswered: deque[int] = deque()
        total = 0
        closed = False

        async def receive_counted() -> Message:
            nonlocal total, closed
            message = await receive()
            if message["type"] == "websocket.receive":
                content = (message.get("text") or "").encode() or message.get("bytes") or b""
                unanswered.append(MESSAGE_BYTES + len(content))
                total += unanswered[-1]
                if total > self.max_bytes:
                    closed = True
                    await send(TOO_MUCH)
                    return {"type": "websocket.disconnect", "code": TOO_MUCH["code"]}
            return message

        async def send_counted(message: Message) -> None:
            nonlocal total
            if closed:
                return
            await send(message)
            if message["type"] != "websocket.send" or not unanswered:
                return
            if not (message.get("text") or "").startswith(PIECE):
                total -= unanswered.popleft()

        await self.app(scope, receive_counted, send_counted)
