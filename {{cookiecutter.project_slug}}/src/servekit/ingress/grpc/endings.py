"""Lets a stream that fails end with its code behind either of Serve's proxies."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import grpc


class EndingServer:
    """A server that does not send the empty message with which a stream here fails.

    Serve's Python proxy, which HAProxy falls back on, hears of a code only with a message. Nothing
    in a call tells whether a proxy passed it on, so a stream that fails always gives one more
    message, and the server that the client is connected to keeps it. Serve starts that server,
    in the proxy or in the replica, and adds the services that `serve.yaml` names.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        self._server.add_generic_rpc_handlers(handlers)
        # Serve has put its own functions there, just now. Calls are looked up in it.
        [handler] = handlers
        methods: dict[str, Any] = handler._method_handlers
        for name, method in methods.items():
            if method.response_streaming:
                kind = "stream_stream" if method.request_streaming else "unary_stream"
                methods[name] = method._replace(**{kind: _without_ending(method, kind)})

    def add_registered_method_handlers(self, *_: Any) -> None:
        """Generated code calls this too; calls would find their way past the functions above."""


def _without_ending(method: Any, kind: str) -> Callable[..., AsyncIterator[Any]]:
    function: Callable[..., Any] = getattr(method, kind)
    serialize = method.response_serializer or bytes  # Serve gives bytes

    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        async with aclosing(function(request, context)) as messages:
            async for message in messages:
                if serialize(message):
                    yield message

    return stream
