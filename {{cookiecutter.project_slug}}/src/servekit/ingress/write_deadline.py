"""Hangs up on clients that do not read what is sent to them."""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class WriteDeadline:
    """Hangs up on a client that takes no part of an answer in time.

    An answer that its client does not read would hold its places, in the replica and in the model,
    for as long as that client likes. What runs behind this learns that the client has left.

    One that is sent whole, and is the first of its connection, waits in the buffers of that.

    Args:
        timeout_s: How long the network may take until a part is on its way.
    """

    def __init__(self, app: ASGIApp, timeout_s: float) -> None:
        self.app = app
        self.timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn's own function, since this is outermost; ASGI has no word for hanging up.
        transport: Any = getattr(getattr(send, "__self__", None), "transport", None)
        if transport is None:
            await self.app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()

        async def send_in_time(message: Message) -> None:
            # Of each message: of two requests that a client sends at once, the second answer waits
            # until the first one is on its way.
            late = loop.call_later(self.timeout_s, transport.abort)
            try:
                await send(message)
            finally:
                late.cancel()

        await self.app(scope, receive, send_in_time)
