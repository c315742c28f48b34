"""What stands before Ray Serve lets no client do what harms others."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from servekit.api.settings import ApiSettings
from servekit.ingress.front import ADDRESSES, RequestHeaders, Unfinished, WholeBodies, in_front
from servekit.ingress.no_replica import NoReplica
from servekit.ingress.unanswered import MESSAGE_BYTES, PIECE, UnansweredMessages
from servekit.testing.fakes import FakeMeter

from tests.audit_lines import audit_lines

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


def scope_of(
    *headers: tuple[bytes, bytes], kind: str = "http", of: str | None = None
) -> dict[str, Any]:
    client = of and (of, 4711)
    return {"type": kind, "method": "POST", "path": "/", "headers": [*headers], "client": client}


MAX = 1024
SHARE = 2 * MAX


def settings(**values: Any) -> ApiSettings:
    return ApiSettings(**{"max_body_bytes": MAX, "body_timeout_s": 5, **values})


def whole_bodies(said: ApiSettings | None = None, app: Any = None) -> WholeBodies:
    return WholeBodies(app or Behind(), said or settings(), Unfinished(MAX, SHARE))


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

    request = asyncio.create_task(whole_bodies(app=behind)(scope_of(LONG), arriving.get, send))
    arriving.put_nowait(part(b"a"))
    await asyncio.sleep(0.01)
    assert behind.scopes == []
    arriving.put_nowait(part(b"b", more_body=False))
    await request
    assert behind.received == [part(b"ab", more_body=False)]


@pytest.mark.parametrize("header", [LONG, (b"transfer-encoding", b"chunked")])
async def test_a_body_that_does_not_arrive_in_time_is_a_408(header: tuple[bytes, bytes]) -> None:
    behind = Behind()
    response = await sent(
        whole_bodies(settings(body_timeout_s=0.05), behind), scope_of(header), part(b"a")
    )
    assert behind.scopes == []
    assert response[0]["status"] == 408
    assert (b"connection", b"close") in response[0]["headers"]
    said = json.loads(response[1]["body"])
    assert said["detail"] == "The content did not arrive within 0.05 seconds."


async def test_a_large_body_takes_no_place_until_it_is_whole() -> None:
    behind = Behind()
    quarter = part(b"x" * 1024 * 1024)
    said = settings(body_timeout_s=0.05, max_body_bytes=4 * 1024 * 1024)
    app = WholeBodies(behind, said, Unfinished(4 * 1024 * 1024))
    response = await sent(app, scope_of(LONG), quarter, quarter)
    assert behind.scopes == []
    assert response[0]["status"] == 408


MOST = part(b"x" * MAX)
"""Half of what one address may have of bodies that are not whole."""


@asynccontextmanager
async def arriving(app: WholeBodies, *addresses: str | None) -> AsyncIterator[None]:
    """Each of these addresses sends as much as one may have, and stops."""
    requests = [
        asyncio.create_task(sent(app, scope_of(LONG, of=one), MOST)) for one in 2 * addresses
    ]
    await asyncio.sleep(0.01)
    assert not any(one.done() for one in requests)
    try:
        yield
    finally:
        for one in requests:
            one.cancel()
        await asyncio.wait(requests)


WHOLE = (part(b"x"), part(b"y", more_body=False))
ADDRESS = "203.0.113.9"


async def test_one_address_leaves_room_for_the_others() -> None:
    app = whole_bodies()
    async with arriving(app, ADDRESS):
        response = await sent(app, scope_of(LONG, of=ADDRESS), *WHOLE)
        assert response[0]["status"] == 429
        assert (b"retry-after", b"1") in response[0]["headers"]
        other = await sent(app, scope_of(LONG, of="203.0.113.10"), *WHOLE)
        assert other[0]["status"] == 200
    assert (await sent(app, scope_of(LONG, of=ADDRESS), *WHOLE))[0]["status"] == 200


async def test_an_address_is_what_a_trusted_proxy_says() -> None:
    app = whole_bodies(ApiSettings(max_body_bytes=MAX, trusted_hops=1))
    hops = [(b"x-forwarded-for", one.encode()) for one in (ADDRESS, "203.0.113.10")]
    requests = [asyncio.create_task(sent(app, scope_of(LONG, hops[0]), MOST)) for _ in range(2)]
    await asyncio.sleep(0.01)
    statuses = [(await sent(app, scope_of(LONG, one), *WHOLE))[0]["status"] for one in hops]
    for one in requests:
        one.cancel()
    assert statuses == [429, 200]


@pytest.mark.parametrize(
    "addresses", [[f"2001:db8:{one}::1" for one in range(ADDRESSES)], [None] * ADDRESSES]
)
async def test_bodies_that_arrive_together_share_their_bytes(addresses: list[str | None]) -> None:
    """Those without an address have no share: it would be one for all of them."""
    app = whole_bodies()
    async with arriving(app, *addresses):
        response = await sent(app, scope_of(LONG, of=ADDRESS), *WHOLE)
        assert response[0]["status"] == 503
        assert (b"retry-after", b"1") in response[0]["headers"]
        at_once = await sent(app, scope_of(LONG), part(b"x" * 11, more_body=False))
        assert at_once[0]["status"] == 200
    for _ in range(2 * ADDRESSES):
        late = WholeBodies(Behind(), settings(body_timeout_s=0.02), app.unfinished)
        assert (await sent(late, scope_of(LONG, of=ADDRESS), MOST))[0]["status"] == 408
    assert (await sent(app, scope_of(LONG, of=ADDRESS), *WHOLE))[0]["status"] == 200


async def test_two_bodies_of_any_size_that_is_allowed_fit_in_a_share() -> None:
    large = 20 * 1024 * 1024
    app = WholeBodies(Behind(), settings(max_body_bytes=large), Unfinished(large))
    half = part(b"x" * (large // 2))
    one = asyncio.create_task(sent(app, scope_of(LONG, of=ADDRESS), half, half))
    await asyncio.sleep(0.01)
    last = {**half, "more_body": False}
    assert (await sent(app, scope_of(LONG, of=ADDRESS), half, last))[0]["status"] == 200
    one.cancel()


async def test_what_is_refused_in_front_is_counted_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    meter = FakeMeter()
    app = WholeBodies(
        Behind(), settings(body_timeout_s=0.05), Unfinished(MAX, SHARE), lambda: meter
    )
    mine = (b"x-request-id", b"mine")
    with audit_lines() as audited:
        async with arriving(app, ADDRESS):
            refused = await sent(app, scope_of(LONG, mine, of=ADDRESS), *WHOLE)
            await asyncio.sleep(0.1)
    assert (b"x-request-id", b"mine") in refused[0]["headers"]
    assert json.loads(refused[1]["body"])["request_id"] == "mine"
    counted = {dict(labels)["status"]: times for (_, labels), times in meter.counts.items()}
    assert counted == {"429": 1, "408": 2}
    lines = [vars(one) for one in caplog.records if one.message == "request"]
    assert [(one["status"], one["address"]) for one in lines] == [
        (status, ADDRESS) for status in (429, 408, 408)
    ]
    [line] = audited.found
    assert (line["event"], line["reason"]) == ("refusal", "unfinished bodies")
    assert (line["request_id"], line["address"], line["path"]) == ("mine", ADDRESS, "/")


async def test_of_a_body_that_grows_too_large_no_more_is_read() -> None:
    behind = Behind()
    chunked = scope_of((b"transfer-encoding", b"chunked"))
    piece = part(b"x" * 600)
    last = part(b"y" * 20_000, more_body=False)
    await sent(whole_bodies(app=behind), chunked, piece, piece, last)
    assert behind.received == [part(b"x" * 1200), last]


@pytest.mark.parametrize(("length", "is_asked"), [(b"1025", True), (b"1024", False)])
async def test_a_body_that_is_too_large_is_not_waited_for(length: bytes, is_asked: bool) -> None:
    class Refuses(Behind):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            self.scopes.append(scope)

    refuses = Refuses()
    scope = scope_of((b"content-length", length))
    response = await sent(whole_bodies(settings(body_timeout_s=0.05), refuses), scope)
    assert len(refuses.scopes) == is_asked
    assert bool(response) != is_asked  # else it is a 408


async def test_a_client_that_leaves_is_told_of() -> None:
    behind = Behind()
    await sent(whole_bodies(app=behind), scope_of(LONG), part(b"a"), then=True)
    assert [one["type"] for one in behind.received] == ["http.request", "http.disconnect"]


async def test_a_request_without_a_body_is_not_read() -> None:
    behind = Behind()
    await asyncio.wait_for(
        sent(whole_bodies(app=behind), scope_of(), part(b"", more_body=False)), timeout=1
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
    monkeypatch.setenv("API_TRUSTED_HOPS", "1")
    found: Any = in_front()[-1].kwargs["settings"]
    assert (found.body_timeout_s, found.max_body_bytes, found.trusted_hops) == (7, 2000, 1)
