"""The feature `websockets` over Ray Serve: what a proxy between client and service may spoil."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from httpx2 import Client
from httpx2.websockets import WebSocketDisconnect, WebSocketSession, WebSocketUpgradeError
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from servekit.commands.stopping import descendants
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import INLINE, Cluster, UrlOf

from acme_service import NAME

from tests.applications import replicated
from tests.applications.misbehaving import IMPATIENT, notes
from tests.ingress.test_canary import KEYS

pytestmark = [pytest.mark.serve, pytest.mark.application("stuck")]

GERMAN = "Das ist ein schöner Tag"
PATIENCE_S = float(IMPATIENT["BATCHER_TIMEOUT_S"])
"""After this long the stuck application gives up by itself."""

everywhere = pytest.mark.parametrize("prefix", ["", pytest.param("/inline", marks=INLINE)])


@contextmanager
def socket(url: str, headers: dict[str, str] | None = None) -> Iterator[WebSocketSession]:
    address = url.replace("http", "ws", 1) + "/v1/detect/ws"
    with (
        httpx2.Client(headers=HEADERS, timeout=30) as client,
        client.websocket(address, headers=headers) as socket,
    ):
        yield socket


def ask(socket: WebSocketSession, text: str, **more: Any) -> list[dict[str, Any]]:
    """Everything that is said about a text, up to `done` or `error`."""
    socket.send_json({"text": text, **more})
    answers = [socket.receive_json(30)]
    while answers[-1]["type"] == "prediction":
        answers.append(socket.receive_json(30))
    return answers


def best_first(answer: dict[str, Any]) -> list[str]:
    """The languages that an answer names."""
    return [one["language"] for one in answer["value"]["candidates"]]


def seconds_until(happened: Callable[[], bool]) -> float:
    began = time.monotonic()
    while not happened() and time.monotonic() - began < 10:
        time.sleep(0.02)
    return time.monotonic() - began


@everywhere
def test_one_socket_answers_many_messages(service: str, prefix: str) -> None:
    with socket(service + prefix) as one:
        for text, language in [(GERMAN, ["de"]), ("the house on the hill", ["en"]), ("1", [])]:
            answers = ask(one, text)
            assert [answer["type"] for answer in answers[:-1]] == ["prediction"] * len(text.split())
            assert best_first(answers[-1])[:1] == language


@everywhere
def test_the_last_answer_is_what_the_route_says(service: str, prefix: str) -> None:
    with socket(service + prefix) as one:
        last, done = ask(one, GERMAN)[-2:]
    url = f"{service}{prefix}/v1/detect"
    answer = httpx2.post(url, json={"text": GERMAN}, headers=HEADERS).json()
    assert (last["model"], done) == ("language:1", {**last, "type": "done"})
    assert best_first(done)[0] == answer["language"]


@pytest.mark.application(replicated.NAME)
def test_a_socket_keeps_to_the_side_that_its_caller_is_on(url_of: UrlOf) -> None:
    with Client(base_url=url_of(replicated.NAME), headers=HEADERS, timeout=30) as client:
        for key in KEYS:
            over_http = client.post(
                "/v1/detect", json={"text": GERMAN}, headers={"X-Canary-Key": key}
            )
            with socket(url_of(replicated.NAME), {"X-Canary-Key": key}) as one:
                said = [answer["model"] for text in (GERMAN, "house") for answer in ask(one, text)]
            assert {*said} == {over_http.headers["x-model"]}


def test_a_piece_arrives_while_the_model_is_still_at_work(url_of: UrlOf) -> None:
    with socket(url_of("stuck")) as one:
        one.send_json({"text": GERMAN})
        assert one.receive_json(30)["type"] == "prediction"
        arrived = time.monotonic()
        assert one.receive_json(30)["status"] == 504
        assert time.monotonic() - arrived > PATIENCE_S / 2
        one.send_json({"text": GERMAN})
        assert one.receive_json(30)["type"] == "prediction"


def test_a_client_that_leaves_stops_the_model(cluster: Cluster, url_of: UrlOf) -> None:
    def cancelled() -> int:
        return notes(cluster).read_text().count("stream cancelled")

    before = cancelled()
    with socket(url_of("stuck")) as one:
        one.send_json({"text": GERMAN})
        assert one.receive_json(30)["type"] == "prediction"
    assert seconds_until(lambda: cancelled() > before) < PATIENCE_S * 0.75


@everywhere
def test_a_bad_message_is_an_error_and_the_socket_stays_open(service: str, prefix: str) -> None:
    with socket(service + prefix) as one:
        for send in (
            lambda: one.send_text('{"text": '),
            lambda: one.send_text("[" * 50_000),
            lambda: one.send_text('{"text": "\\ud83d"}'),
            lambda: one.send_bytes(b'{"text": "house"}'),
        ):
            send()
            error = one.receive_json(30)
            assert (error["type"], error["status"]) == ("error", 422)
        assert best_first(ask(one, GERMAN)[-1])[0] == "de"


@everywhere
def test_too_large_a_message_closes_the_socket(service: str, prefix: str) -> None:
    with socket(service + prefix) as one:
        (error,) = ask(one, "x" * 70_000)
        assert error["status"] == 413
        with pytest.raises(WebSocketDisconnect) as closed:
            one.receive_json(30)
    assert closed.value.code == 1009


@everywhere
def test_a_message_is_the_whole_item_of_the_contract(service: str, prefix: str) -> None:
    with socket(service + prefix) as one:
        done = ask(one, GERMAN, allowed=["en", "fr"])[-1]
    assert {*best_first(done)} == {"en", "fr"}


@everywhere
def test_a_page_of_another_origin_is_refused(service: str, prefix: str) -> None:
    foreign = {"Origin": "https://elsewhere.example"}
    with pytest.raises(WebSocketUpgradeError) as refused, socket(service + prefix, foreign):
        pass
    assert refused.value.response.status_code == 403


@everywhere
def test_the_page_is_served(service: str, prefix: str) -> None:
    response = httpx2.get(f"{service}{prefix}/playground")
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    assert f"<title>{NAME}: playground</title>" in response.text


def ingress_bytes() -> int:
    """The memory of the largest process that takes requests."""
    sizes: list[int] = []
    for pid in descendants():
        with suppress(OSError):
            name = Path(f"/proc/{pid}/cmdline").read_bytes()
            if name.startswith((b"ray::ServeReplica:default:ingress", b"ray::ProxyActor")):
                status = Path(f"/proc/{pid}/status").read_text()
                [line] = [one for one in status.splitlines() if one.startswith("VmRSS")]
                sizes.append(int(line.split()[1]) * 1024)
    return max(sizes)


FLOOD_S = 8
MAX_GROWTH_BYTES = 64 * 1024 * 1024


def test_a_socket_that_is_flooded_and_never_read_takes_no_memory(service: str) -> None:
    message = json.dumps({"text": "Das ist ein Tag. " * 580})
    before = ingress_bytes()
    address = service.replace("http", "ws", 1) + "/v1/detect/ws"
    grown = sent = 0
    with (
        suppress(OSError),
        connect(address, additional_headers=HEADERS, compression=None, max_queue=1) as one,
    ):
        one.socket.settimeout(1)
        until = time.monotonic() + FLOOD_S
        with suppress(TimeoutError, ConnectionClosed, OSError):
            while time.monotonic() < until:
                one.send(message)
                sent += 1
        grown = ingress_bytes() - before
    assert sent > 10
    assert grown < MAX_GROWTH_BYTES, f"{grown / 1024**2:.0f} MiB after {sent} messages"
    assert httpx2.get(f"{service}/health/live", timeout=10).status_code == 200
