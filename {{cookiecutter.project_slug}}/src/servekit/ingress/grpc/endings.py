"""Lets a stream end with its code behind either of Serve's proxies, or for want of a reader."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

import grpc


class EndingServer:
    """A server that does not send the empty message with which a stream here fails.

    Serve's Python proxy, which HAProxy falls back on, hears of a code only with a message. Nothing
    in a call tells whether a proxy passed it on, so a stream that fails always gives one more
    message, and the server that the client is connected to keeps it. Serve starts that server,
    in the proxy or in the replica, and adds the services that `serve.yaml` names.

    It also cancels a stream of which no message is read: one that its client gives no room would
    hold its places, in the replica and in the model, for as long as that client likes.

    Args:
        server: Takes the services.
        write_timeout_s: How long a message may wait until the client has room for it.
    """

    def __init__(self, server: grpc.aio.Server, write_timeout_s: float) -> None:
        self._server = server
        self._write_timeout_s = write_timeout_s

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        self._server.add_generic_rpc_handlers(handlers)
        # Serve has put its own functions there, just now. Calls are looked up in it.
        [handler] = handlers
        methods: dict[str, Any] = handler._method_handlers
        for name, method in methods.items():
            if method.response_streaming:
                kind = "stream_stream" if method.request_streaming else "unary_stream"
                streaming = _without_ending(method, kind, self._write_timeout_s)
                methods[name] = method._replace(**{kind: streaming})

    def add_registered_method_handlers(self, *_: Any) -> None:
        """Generated code calls this too; calls would find their way past the functions above."""


def _without_ending(
    method: Any, kind: str, write_timeout_s: float
) -> Callable[..., AsyncIterator[Any]]:
    function: Callable[..., Any] = getattr(method, kind)
    serialize = method.response_serializer or bytes  # Serve gives bytes

    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        async with aclosing(function(request, context)) as messages:
            async for message in messages:
                if serialize(message):
                    with _in_time(write_timeout_s):
                        yield message

    return stream


@contextmanager
def _in_time(timeout_s: float) -> Iterator[None]:
    """Cancel the call, which runs as a task of its own, if the block takes longer."""
    call = asyncio.current_task()
    late = asyncio.get_running_loop().call_later(timeout_s, call.cancel) if call else None
    try:
        yield
    finally:
        if late:
            late.cancel()
