"""What stands before Ray Serve lets no client do what harms others."""

import asyncio
import json
from typing import Any

import pytest

from servekit.ingress.front import RequestHeaders, Unfinished, WholeBodies, in_front
from servekit.ingress.no_replica import NoReplica
from servekit.ingress.unanswered import MESSAGE_BYTES, PIECE, UnansweredMessages

Messages = list[dict[str, Any]]


class Behind:
    """Reads the body, notes what it was given, and answers 200."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []
        self.received: Messages = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        more = scope["type"] == "http"
        while more:
            message = await receive()
            self.received.append(message)
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def scope_of(*headers: tuple[bytes, bytes], kind: str = "http") -> dict[str, Any]:
    return {"type": kind, "method": "POST", "path": "/", "headers": [*headers]}


def part(body: bytes, more_body: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more_body}


async def sent(app: Any, scope: Any, *messages: dict[str, Any], then: bool = False) -> Messages:
    """Call an application with these messages, and then with none or a client that leaves."""
    response: Messages = []
    left = iter([*messages, *([{"type": f"{scope['type']}.disconnect"}] if then else [])])

    async def receive() -> Any:
        if (message := next(left, None)) is None:
            await asyncio.Event().wait()
        return message

    async def send(message: Any) -> None:
        response.append(message)

    await app(scope, receive, send)
    return response


@pytest.mark.parametrize(
    "header",
    [
        (b"x-request-timeout-seconds", b"0.1"),
        (b"x-request-disconnect-disabled", b"?1"),
        (b"x-request-id", b"\xff"),
        (b"x-request-id", b""),
        (b"x-request-id", b" "),
        (b"x-session-id", b"\xff"),
        (b"serve_multiplexed_model_id", b"\xff"),
        (b"serve-multiplexed-model-id", b"\xff"),
        (b"traceparent", b"\xff"),
        (b"tracestate", b"\xff"),
        (b"x-\xff", b"any"),
    ],
)
async def test_harmful_headers_do_not_reach_serve(
    header: tuple[bytes, bytes],
) -> None:
    behind = Behind()
    other = (b"x-other", b"\xff")
    await sent(RequestHeaders(behind), scope_of(header, other), part(b"", more_body=False))
    assert behind.scopes[0]["headers"] == [other]


async def test_what_it_can_read_reaches_it() -> None:
    behind = Behind()
    headers = [(b"x-request-id", b"mine"), (b"traceparent", b"00-1-2-01"), (b"x-session-id", b"a")]
    await sent(RequestHeaders(behind), scope_of(*headers), part(b"", more_body=False))
    assert behind.scopes[0]["headers"] == headers


async def test_a_socket_is_read_one_message_at_a_time() -> None:
    behind = Behind()
    theirs = (b"x-request-disconnect-disabled", b"?0")
    await sent(RequestHeaders(behind), scope_of(theirs, kind="websocket"))
    assert behind.scopes[0]["headers"] == [(b"x-request-disconnect-disabled", b"?1")]


class Reading:
    """Reads a socket to its end, and answers each message unless it is told not to."""

    def __init__(self, answers: bool) -> None:
        self.answers = answers
        self.read = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] == "websocket.receive":
            self.read += 1
            if self.answers:
                await send({"type": "websocket.send", "text": "an answer"})


@pytest.mark.parametrize("answers", [True, False])
async def test_a_socket_is_closed_over_what_is_not_answered(answers: bool) -> None:
    reading = Reading(answers)
    messages = [{"type": "websocket.receive", "text": "a text"}] * 20
    app = UnansweredMessages(reading, max_bytes=11 * MESSAGE_BYTES)
    said = await sent(app, scope_of(kind="websocket"), *messages, then=True)
    closed = [one["code"] for one in said if one["type"] == "websocket.close"]
    assert (reading.read, closed) == ((20, []) if answers else (10, [1008]))


async def test_pieces_of_one_answer_stand_for_one_message() -> None:
    texts = [*[PIECE + ', "value": "any"}'] * 3, '{"type": "done", "value": "any"}']

    async def streams(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(5):
            await receive()
        for text in texts:
            await send({"type": "websocket.send", "text": text})
        while (await receive())["type"] == "websocket.receive":
            pass

    messages = [{"type": "websocket.receive", "text": "a text"}] * 13
    app = UnansweredMessages(streams, max_bytes=11 * MESSAGE_BYTES)
    said = await sent(app, scope_of(kind="websocket"), *messages, then=True)
    assert len(said) == 5
    assert said[-1]["type"] == "websocket.close"


async def test_what_is_unanswered_is_counted_in_bytes() -> None:
    messages = [{"type": "websocket.receive", "text": "\U0001f600" * MESSAGE_BYTES}]
    app = UnansweredMessages(Reading(answers=False), max_bytes=4 * MESSAGE_BYTES)
    [said] = await sent(app, scope_of(kind="websocket"), *messages, then=True)
    assert said["code"] == 1008


LONG = (b"content-length", b"1000")


async def test_a_request_is_passed_on_once_its_body_is_there() -> None:
    behind = Behind()
    arriving: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(_: Any) -> None:
        pass

    request = asyncio.create_task(WholeBodies(behind, 5)(scope_of(LONG), arriving.get, send))
    arriving.put_nowait(part(b"a"))
    await asyncio.sleep(0.01)
    assert behind.scopes == []
    arriving.put_nowait(part(b"b", more_body=False))
    await request
    assert behind.received == [part(b"ab", more_body=False)]


@pytest.mark.parametrize("header", [LONG, (b"transfer-encoding", b"chunked")])
async def test_a_body_that_does_not_arrive_in_time_is_a_408(header: tuple[bytes, bytes]) -> None:
    behind = Behind()
    response = await sent(WholeBodies(behind, 0.05), scope_of(header), part(b"a"))
    assert behind.scopes == []
    assert response[0]["status"] == 408
    assert (b"connection", b"close") in response[0]["headers"]
    said = json.loads(response[1]["body"])
    assert said["detail"] == "The content did not arrive within 0.05 seconds."


async def test_a_large_body_takes_no_place_until_it_is_whole() -> None:
    behind = Behind()
    quarter = part(b"x" * 1024 * 1024)
    response = await sent(WholeBodies(behind, 0.05), scope_of(LONG), quarter, quarter)
    assert behind.scopes == []
    assert response[0]["status"] == 408


async def test_bodies_that_arrive_together_share_their_bytes() -> None:
    behind = Behind()
    app = WholeBodies(behind, 5, unfinished=Unfinished(10))
    half = part(b"x" * 6)
    leaves = asyncio.create_task(sent(app, scope_of(LONG), half))
    await asyncio.sleep(0.01)
    response = await sent(app, scope_of(LONG), half)
    assert response[0]["status"] == 503
    assert (b"retry-after", b"1") in response[0]["headers"]
    assert (await sent(app, scope_of(LONG), part(b"x" * 11, more_body=False)))[0]["status"] == 200
    leaves.cancel()
    await asyncio.wait([leaves])
    for _ in range(2):
        await sent(WholeBodies(behind, 0.02, unfinished=app.unfinished), scope_of(LONG), half)
        whole = await sent(app, scope_of(LONG), half, part(b"yyyy", more_body=False))
        assert whole[0]["status"] == 200


async def test_of_a_body_that_grows_too_large_no_more_is_read() -> None:
    behind = Behind()
    chunked = scope_of((b"transfer-encoding", b"chunked"))
    unfinished = Unfinished(100)
    piece = part(b"x" * 6)
    last = part(b"y" * 200, more_body=False)
    await sent(WholeBodies(behind, 5, 10, unfinished), chunked, piece, piece, last)
    assert behind.received == [part(b"x" * 12), last]


@pytest.mark.parametrize(("length", "is_asked"), [(b"1001", True), (b"1000", False)])
async def test_a_body_that_is_too_large_is_not_waited_for(length: bytes, is_asked: bool) -> None:
    class Refuses(Behind):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            self.scopes.append(scope)

    refuses = Refuses()
    scope = scope_of((b"content-length", length))
    response = await sent(WholeBodies(refuses, 0.05, 1000), scope)
    assert len(refuses.scopes) == is_asked
    assert bool(response) != is_asked  # else it is a 408


async def test_a_client_that_leaves_is_told_of() -> None:
    behind = Behind()
    await sent(WholeBodies(behind, 5), scope_of(LONG), part(b"a"), then=True)
    assert [one["type"] for one in behind.received] == ["http.request", "http.disconnect"]


async def test_a_request_without_a_body_is_not_read() -> None:
    behind = Behind()
    await asyncio.wait_for(
        sent(WholeBodies(behind, 5), scope_of(), part(b"", more_body=False)), timeout=1
    )
    assert len(behind.received) == 1


@pytest.mark.parametrize(("haproxy", "there"), [("1", True), ("0", False)])
def test_requests_are_given_up_behind_haproxy_alone(
    monkeypatch: pytest.MonkeyPatch, haproxy: str, there: bool
) -> None:
    """All requests pass Serve's Python proxy, and those of a replica that stops would end, too."""
    monkeypatch.setenv("RAY_SERVE_ENABLE_HA_PROXY", haproxy)
    assert (NoReplica in [one.cls for one in in_front()]) == there
    assert (UnansweredMessages in [one.cls for one in in_front()]) != there


def test_time_and_size_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_BODY_TIMEOUT_S", "7")
    monkeypatch.setenv("API_MAX_BODY_BYTES", "2000")
    assert in_front()[-1].kwargs == {"timeout_s": 7, "max_bytes": 2000}
