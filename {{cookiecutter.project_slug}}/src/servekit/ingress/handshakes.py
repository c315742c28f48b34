"""Refuses handshakes of WebSockets that cannot be read."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

_received = WebSocketsSansIOProtocol.data_received


def refuse_unreadable_handshakes() -> None:
    """Answer handshakes that uvicorn leaves without an answer; safe to call twice.

    A request that offers WebSockets with another method than GET, with a body, or with a header or
    a path of more than 8 KiB would keep its connection open for as long as its client likes.
    """
    WebSocketsSansIOProtocol.data_received = _data_received


def _data_received(self: WebSocketsSansIOProtocol, data: bytes) -> None:
    _received(self, data)
    connection: Any = self.conn
    if connection.handshake_exc is not None and not self.handshake_complete:
        self.transport.write(b"".join(connection.data_to_send()) or BAD_REQUEST)
        self.transport.close()
