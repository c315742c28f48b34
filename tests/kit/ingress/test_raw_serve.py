"""What no client library sends: each input is answered in order, and by nothing but its answer.

Over the real proxy, whichever it is. In front of it stands whatever is in front of the service, so
what counts is that both agree on where a request ends.
"""

import json
import os
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx2
import pytest

from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import Cluster

pytestmark = pytest.mark.serve

IS_PYTHON = os.environ.get("PROXY") == "python"

CREDENTIALS = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items()).encode()
HOST = b"Host: service.example\r\n"
JSON = b'{"text": "Guten Morgen!"}'
LENGTH = b"Content-Length: %d\r\n" % len(JSON)
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: service.example\r\n\r\n"

CLOSED = 0
"""In the place of a status: the connection was closed without an answer."""

HTTP2 = 2
"""In the place of a status: the other side goes on in HTTP/2."""

SETTINGS_FRAME = re.compile(rb"\x00..\x04\x00\x00\x00\x00\x00", re.DOTALL)
"""With which it begins."""


def get(*lines: bytes, target: bytes = b"/health/live", version: bytes = b"HTTP/1.1") -> bytes:
    headers = b"".join(line + b"\r\n" for line in lines)
    return b"GET " + target + b" " + version + b"\r\n" + HOST + headers + b"\r\n"


def post(body: bytes, *lines: bytes) -> bytes:
    headers = b"".join(line + b"\r\n" for line in lines)
    content = b"Content-Type: application/json\r\n"
    start = b"POST /v1/detect HTTP/1.1\r\n" + HOST + CREDENTIALS + content
    return start + headers + b"\r\n" + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return post(body + end, b"Transfer-Encoding: chunked")


class Input(NamedTuple):
    """What is sent, and the statuses that may come, one set for each answer that has to."""

    sent: bytes
    statuses: tuple[set[int], ...]


def once(sent: bytes, *statuses: int) -> Input:
    return Input(sent, ({*statuses},))


INPUTS = {
    # Lines
    "one request": once(get(), 200),
    "line feeds alone": once(get().replace(b"\r\n", b"\n"), 200, 400),
    "empty lines before": once(b"\r\n\r\n" + get(), 200, 400),
    "a space before the colon": once(get(b"X-Any : a"), 400),
    "a header without a colon": once(get(b"X-Any"), 400),
    "a header without a name": once(get(b": a"), 400),
    "a folded header": once(get(b"X-Any: a\r\n b"), 200, 400),
    "a NUL in a header": once(get(b"X-Any: a\x00b"), 400),
    "a carriage return in a header": once(get(b"X-Any: a\rb"), 200, 400),
    "a header that is not UTF-8": once(get(b"X-Any: \xff\xfe"), 200, 400),
    "a name that is not ASCII": once(get(b"X-\xc3\xa4: a"), 200, 400),
    "a name with an underscore": once(get(b"X_Any: a"), 200),
    "no host": once(b"GET /health/live HTTP/1.1\r\n\r\n", 200, 400),
    "two hosts": once(get(b"Host: other.example"), 200, 400),
    "a thousand headers": once(
        get(*(b"X-%d: a" % number for number in range(1000))), 200, 400, 431
    ),
    "a header of 100 KB": once(get(b"X-Any: " + b"a" * 100_000), 200 if IS_PYTHON else 400, 431),
    "garbage": once(b"\x00\x01\x02\xff\r\n\r\n", 400, CLOSED),
    "a TLS handshake": once(
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"a" * 200, 400, CLOSED
    ),
    # Request lines
    "HTTP/0.9": once(b"GET /health/live\r\n\r\n", 200 if IS_PYTHON else 400, CLOSED),
    "HTTP/1.0": once(get(version=b"HTTP/1.0"), 200),
    "HTTP/1.0 that stays": once(get(b"Connection: keep-alive", version=b"HTTP/1.0"), 200),
    "HTTP/1.9": once(get(version=b"HTTP/1.9"), 200, 400),
    "HTTP/3.0": once(get(version=b"HTTP/3.0"), 200, 400),
    "the preface of HTTP/2": once(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, CLOSED, HTTP2),
    "an unknown method": once(get().replace(b"GET", b"BREW", 1), 405, 400),
    "a method in small letters": once(get().replace(b"GET", b"get", 1), 405, 400),
    "TRACE": once(get().replace(b"GET", b"TRACE", 1), 405, 400),
    "CONNECT": once(b"CONNECT other.example:443 HTTP/1.1\r\n" + HOST + b"\r\n", 400, 404, 405),
    "OPTIONS *": once(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 200, 400, 404, 405),
    "an absolute target": once(get(target=b"http://service.example/health/live"), 200),
    "a target elsewhere": once(get(target=b"http://other.example/health/live"), 200, 400, 404),
    "a target without a slash": once(get(target=b"health/live"), 400, 404),
    "a target that is not ASCII": once(get(target=b"/\xff\xfe"), 400, 404),
    "a target with %ff": once(get(target=b"/%ff%fe"), 400, 404),
    "a target with %00": once(get(target=b"/%00"), 400, 404),
    "a target with dots": once(get(target=b"/v1/../../health/live"), 400, 404),
    "a target of 60 KB": once(get(target=b"/" + b"a" * 60_000), 400, 404, 414, 431),
    # Lengths
    "a length": once(post(JSON, LENGTH.strip()), 200),
    "two equal lengths": once(post(JSON, LENGTH.strip(), LENGTH.strip()), 200, 400),
    "two lengths": once(post(JSON, LENGTH.strip(), b"Content-Length: 5"), 400),
    "a length with a sign": once(post(JSON, b"Content-Length: +%d" % len(JSON)), 400),
    "a length below zero": once(post(JSON, b"Content-Length: -1"), 400),
    "a length in words": once(post(JSON, b"Content-Length: many"), 400),
    "a length in hexadecimal": once(post(JSON, b"Content-Length: 0x19"), 400),
    "a list of lengths": once(post(JSON, b"Content-Length: 25, 25"), 200, 400),
    "a length of thirty digits": once(post(JSON, b"Content-Length: " + b"9" * 30), 400, 413),
    "a length of a gigabyte": once(post(JSON, b"Content-Length: 1000000000"), 413),
    # Chunks
    "chunks": once(chunked(JSON[:9], JSON[9:]), 200),
    "a chunk with an extension": once(
        post(b"19;a=b\r\n" + JSON + b"\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"), 200
    ),
    "chunks with trailers": once(chunked(JSON, end=b"0\r\nX-Any: a\r\n\r\n"), 200),
    "chunks in capitals": once(
        chunked(JSON).replace(b"Transfer-Encoding: chunked", b"Transfer-Encoding: CHUNKED"), 200
    ),
    "a chunk of no number": once(post(b"zz\r\n" + JSON, b"Transfer-Encoding: chunked"), 400),
    "a chunk below zero": once(post(b"-1\r\n" + JSON, b"Transfer-Encoding: chunked"), 400),
    "a chunk without end": once(
        post(b"f" * 20 + b"\r\n" + JSON, b"Transfer-Encoding: chunked"), 400, 413
    ),
    "a chunk longer than it says": once(
        post(b"5\r\n" + JSON + b"\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"), 400
    ),
    "chunked twice": once(post(b"0\r\n\r\n", b"Transfer-Encoding: chunked, chunked"), 400),
    "a coding after chunked": once(post(b"0\r\n\r\n", b"Transfer-Encoding: chunked, gzip"), 400),
    "a coding that is not known": once(post(JSON, b"Transfer-Encoding: secret"), 400),
    "chunks over HTTP/1.0": once(chunked(JSON).replace(b"HTTP/1.1", b"HTTP/1.0", 1), 200, 400),
    # What would be two requests to one of two, and one to the other
    "a length and chunks": once(
        post(b"0\r\n\r\n" + SMUGGLED, b"Content-Length: 6", b"Transfer-Encoding: chunked"), 400, 422
    ),
    "chunks and a length": once(
        post(b"0\r\n\r\n" + SMUGGLED, b"Transfer-Encoding: chunked", b"Content-Length: 55"),
        400,
        422,
    ),
    "a coding behind a tabulator": once(
        post(b"0\r\n\r\n" + SMUGGLED, b"Transfer-Encoding:\x0bchunked", b"Content-Length: 55"),
        400,
        422,
    ),
    "a coding in a name with a space": once(
        post(b"0\r\n\r\n" + SMUGGLED, b"Transfer-Encoding : chunked", b"Content-Length: 55"), 400
    ),
    "a body of GET": once(get(b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED, 200, 400),
    # Expect
    "expects to be let in": once(post(JSON, LENGTH.strip(), b"Expect: 100-continue"), 200),
    "expects the impossible": once(post(JSON, LENGTH.strip(), b"Expect: 200-tea"), 200, 417, 400),
    "expects to be let in with too much": once(
        post(b"", b"Content-Length: 1000000000", b"Expect: 100-continue"), 413
    ),
    # Upgrades
    "HTTP/2, if the server likes": once(
        post(
            JSON,
            LENGTH.strip(),
            b"Connection: Upgrade, HTTP2-Settings",
            b"Upgrade: h2c",
            b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
        ),
        # That proxy loses the body: docs/upstream.md of the template.
        422 if IS_PYTHON else 200,
    ),
    "an unknown protocol": once(get(b"Connection: Upgrade", b"Upgrade: foo/2"), 200),
    "a WebSocket by POST, with a body": once(
        post(
            JSON,
            LENGTH.strip(),
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ),
        400,
    ),
    "a WebSocket without a key": once(
        get(
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 13",
            target=b"/v1/detect/ws",
        ),
        400,
        401,
        403,
        404,
        426,
    ),
    "a WebSocket of another version": once(
        get(
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 99",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            target=b"/v1/detect/ws",
        ),
        400,
        401,
        403,
        404,
        426,
    ),
    "a WebSocket where there is none": once(
        get(
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            target=b"/nowhere",
        ),
        403,
        404,
    ),
    # One after the other
    "line feeds that end a header": Input(
        get(b"X-Any: a\n\nGET /health/live HTTP/1.1\nHost: b"),
        ({200, 400},) if IS_PYTHON else ({200}, {200}),
    ),
    "two at once": Input(get() + get(b"Connection: close"), ({200}, {200})),
    "two with bodies": Input(post(JSON, LENGTH.strip()) + chunked(JSON), ({200}, {200})),
    "a good and a bad one": Input(
        get() + get(b"X-Any : a"), ({400},) if IS_PYTHON else ({200}, {400})
    ),
    "one after the last": once(get(b"Connection: close") + SMUGGLED, 200),
}


class Answer(NamedTuple):
    status: int
    body: bytes


def answers_in(received: bytes) -> Iterator[Answer]:
    """The answers, those that announce another one left out. Raises where one is not whole."""
    while received:
        head, end, received = received.partition(b"\r\n\r\n")
        assert end, f"The header has no end: {head[-200:]!r}"
        first, *lines = head.split(b"\r\n")
        found = re.fullmatch(rb"HTTP/1\.[01] ([1-5]\d\d)( [\x20-\x7e]*)?", first)
        assert found, f"No status line: {first[:200]!r}"
        assert all(
            re.fullmatch(rb"[\w!#$%&'*+.^`|~-]+:[^\x00-\x08\x0a-\x1f\x7f]*", one) for one in lines
        )
        headers = {
            name.lower(): value.strip() for name, _, value in (x.partition(b":") for x in lines)
        }
        status = int(found[1])
        if status < 200:
            continue
        body = received
        if b"content-length" in headers:
            length = int(headers[b"content-length"])
            body, received = received[:length], received[length:]
            assert len(body) == length, "The body is shorter than it says."
        elif headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            body, received = dechunked(received)
        else:
            received = b""
        if headers.get(b"content-type", b"").endswith(b"json"):
            json.loads(body)
        yield Answer(status, body)


def dechunked(received: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, received = received.partition(b"\r\n")
        length = int(size, 16)
        body += received[:length]
        assert received[length : length + 2] == b"\r\n"
        received = received[length + 2 :]
        if not length:
            return body, received


def is_whole(received: bytes, count: int) -> bool:
    """Whether there are that many answers, the last one with all of its body."""
    with suppress(AssertionError, ValueError):
        return bool(SETTINGS_FRAME.match(received)) or len([*answers_in(received)]) >= count
    return False


def answered(url: str, one: Input) -> list[int]:
    """Send one input; return the status of each answer."""
    address = urlsplit(url)
    received = b""
    with socket.create_connection((str(address.hostname), address.port or 80), 10) as client:
        with suppress(OSError):  # refused before all of it was read
            client.sendall(one.sent)
        deadline = time.monotonic() + 10
        # One that comes after the last is seen as well: a moment is waited for it.
        client.settimeout(0.5)
        with suppress(TimeoutError, ConnectionError):
            while time.monotonic() < deadline:
                with suppress(TimeoutError):
                    if not (piece := client.recv(65_536)):
                        break
                    received += piece
                    continue
                if is_whole(received, len(one.statuses)):
                    break
    if SETTINGS_FRAME.match(received):
        return [HTTP2]
    return [each.status for each in answers_in(received)] or [CLOSED]


@pytest.fixture(scope="module")
def asked(service: str) -> dict[str, Future[list[int]]]:
    """The statuses that came, by the name of the input."""
    with ThreadPoolExecutor(8) as threads:
        return {name: threads.submit(answered, service, one) for name, one in INPUTS.items()}


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_is_answered_as_it_may_be(asked: dict[str, Future[list[int]]], name: str) -> None:
    found, allowed = asked[name].result(), INPUTS[name].statuses
    assert len(found) == len(allowed), found
    assert all(status in some for status, some in zip(found, allowed, strict=True)), found


def test_nothing_was_smuggled_and_others_are_answered(
    asked: dict[str, Future[list[int]]], service: str, cluster: Cluster
) -> None:
    assert len(asked) == len(INPUTS)
    assert httpx2.get(f"{service}/health/ready", timeout=5).status_code == 200
    mark = f"/after-{time.monotonic_ns()}"
    assert httpx2.get(service + mark, timeout=5).status_code in {401, 404}
    deadline = time.monotonic() + 10
    while mark not in (log := cluster.log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert mark in log
    assert "/smuggled" not in log
