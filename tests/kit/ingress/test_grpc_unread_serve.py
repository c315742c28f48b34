"""What one client of gRPC does not read keeps back no answer to another."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from servekit.ingress.grpc.routes import MODEL_INFER
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import Cluster

from .grpc_callers import calling, outputs_of, texts

pytestmark = pytest.mark.serve

STREAMS = 10
"""They leave room for others on a connection to a replica, where calls share one."""
BUFFER_BYTES = 16_384
"""Of HAProxy: what is larger waits on that connection."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS_, SETTINGS = 0, 1, 4
END_HEADERS, END_STREAM = 4, 1
INITIAL_WINDOW_SIZE = 4
LARGE = texts(*["der Hund"] * 400)


def frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return struct.pack(">I", len(content))[1:] + struct.pack(">BBI", kind, flags, stream) + content


def literal(text: str) -> bytes:
    """A string of HPACK, which none of these needs more than a byte for the length of."""
    assert len(text) < 127
    return bytes([len(text)]) + text.encode()


def call(stream: int, headers: dict[str, str]) -> bytes:
    """The frames of a call whose answer has no room."""
    message = LARGE.SerializeToString()
    fields = b"".join(b"\0" + literal(name) + literal(value) for name, value in headers.items())
    return frame(HEADERS_, END_HEADERS, stream, fields) + frame(
        DATA, END_STREAM, stream, b"\0" + struct.pack(">I", len(message)) + message
    )


@contextmanager
def unread(port: int) -> Iterator[None]:
    """A connection with calls whose answers it never makes room for."""
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": MODEL_INFER,
        ":authority": f"127.0.0.1:{port}",
        "content-type": "application/grpc",
        "te": "trailers",
        "application": "default",
        **{name.lower(): value for name, value in HEADERS.items()},
    }
    no_room = frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 0))
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(PREFACE + no_room + frame(SETTINGS, 1, 0, b""))
        for number in range(STREAMS):
            one.sendall(call(2 * number + 1, headers))
        yield


@pytest.mark.skipif(os.environ.get("PROXY") == "python", reason="Each client has a connection.")
async def test_answers_that_are_not_read_keep_none_back(cluster: Cluster) -> None:
    async with calling(cluster.grpc_port) as caller:
        large = await caller.infer(LARGE, metadata=caller.metadata)
        assert large.ByteSize() > 2 * BUFFER_BYTES
        with unread(cluster.grpc_port):
            for _ in range(20):
                answer = await caller.infer(texts("der Hund"), metadata=caller.metadata, timeout=5)
                assert outputs_of(answer)["language"] == [b"de"]
