"""The feature `websockets`, in process and with a fake model."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.requests import HTTPConnection
from starlette.testclient import WebSocketDenialResponse, WebSocketTestSession

from servekit.api import Feature
from servekit.api.canary import CanarySettings
from servekit.api.errors import ProblemError
from servekit.api.settings import ApiSettings
from servekit.contracts import ModelOverloadedError
from servekit.features.websockets import websockets
from servekit.ingress.unanswered import PIECE
from servekit.settings import SettingsError
from servekit.testing.authenticated_client import visiting

from acme_service import features as wiring

from .websockets_guesser import SOCKET, FailingGuesser, Guesser, guessing
from tests.fakes import create_app, fake_ports

FOREIGN = {"Origin": "https://elsewhere.example"}


# Applications build their routes at the first request, so one is kept for all who need no other.
@cache
def usual_client() -> TestClient:
    return TestClient(guessing())


@contextmanager
def socket(
    model: Guesser | None = None, headers: dict[str, str] | None = None
) -> Iterator[WebSocketTestSession]:
    asking = TestClient(guessing(model)) if model else usual_client()
    with asking.websocket_connect(SOCKET, headers=headers or {}) as socket:
        yield socket


def ask(socket: WebSocketTestSession, text: str) -> list[dict[str, Any]]:
    """Everything that is said about a text, up to `done` or `error`."""
    socket.send_json({"text": text})
    answers = [socket.receive_json()]
    while answers[-1]["type"] == "prediction":
        answers.append(socket.receive_json())
    return answers


def test_every_piece_is_a_prediction_and_the_last_is_done() -> None:
    with socket() as one:
        values = [{"model": "guess:7", "value": {"words": number}} for number in (1, 2, 3)]
        pieces = [{"type": "prediction", **value} for value in values]
        assert ask(one, "the quick fox") == [*pieces, {"type": "done", **values[-1]}]


def test_the_bound_on_unanswered_messages_knows_pieces() -> None:
    with socket() as one:
        one.send_json({"text": "the quick fox"})
        texts = [one.receive_text() for _ in range(4)]
        assert [text.startswith(PIECE) for text in texts] == [True, True, True, False]


def test_an_item_without_pieces_is_done_without_a_value() -> None:
    with socket() as one:
        assert ask(one, " ") == [{"type": "done"}]


def test_a_share_of_the_sockets_has_its_answers_from_the_challenger() -> None:
    model = Guesser()
    model.challenger = "8"
    asking = TestClient(guessing(model, canary=CanarySettings(fraction=0.5)))

    def answered_by(key: str) -> set[str]:
        with asking.websocket_connect(SOCKET, headers={"X-Canary-Key": key}) as one:
            return {said["model"] for text in "abc" for said in ask(one, text)}

    sides = [answered_by(f"key {number}") for number in range(20)]
    assert {tuple(side) for side in sides} == {("guess:7",), ("guess:8",)}


def test_messages_are_answered_in_order_one_at_a_time() -> None:
    model = Guesser()
    with socket(model) as one:
        for number in range(20):
            one.send_json({"text": f"number {number}"})
        answers = [one.receive_json()["type"] for _ in range(60)]
    assert answers == ["prediction", "prediction", "done"] * 20
    assert model.asked == [text for number in range(20) for text in ("number", f"number {number}")]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param('{"text": ', id="malformed"),
        pytest.param("", id="nothing"),
        pytest.param('["Kaffee"]', id="no object"),
        pytest.param("{}", id="no text"),
        pytest.param('{"text": ""}', id="empty text"),
        pytest.param('{"text": null}', id="null"),
        pytest.param('{"text": NaN, "Kaffee": 1}', id="no number"),
        pytest.param('{"text": ["Kaffee"]}', id="no string"),
        pytest.param(json.dumps({"text": "Kaffee" * 2_000}), id="too long"),
        pytest.param('{"text": "Kaffee \\ud83d"}', id="escaped surrogate"),
        pytest.param('{"text": "Kaffee \ud83d"}', id="lone surrogate"),
        pytest.param("[" * 50_000, id="deep list"),
        pytest.param('{"Kaffee":' * 6_000, id="deep object"),
        pytest.param(b'{"text": "Kaffee"}', id="binary"),
    ],
)
def test_a_bad_message_is_an_error_and_the_socket_stays_open(message: str | bytes) -> None:
    with socket() as one:
        kind = "text" if isinstance(message, str) else "bytes"
        one.send({"type": "websocket.receive", kind: message})
        error = one.receive_json()
        assert (error["type"], error["status"]) == ("error", 422)
        assert error.keys() - {"errors"} == {"type", "title", "status", "detail", "request_id"}
        assert "Kaffee" not in json.dumps(error)
        assert ask(one, "coffee")[-1]["type"] == "done"


def test_an_invalid_message_is_told_which_part_is_wrong() -> None:
    with socket() as one:
        (error,) = ask(one, "")
    [wrong] = error["errors"]
    assert wrong["location"] == ["message", "text"]


def test_a_text_may_hold_nul() -> None:
    with socket() as one:
        assert ask(one, "nul \0 nul")[-1]["type"] == "done"


def test_an_error_carries_the_id_of_the_request() -> None:
    with socket(headers={"x-request-id": "one-id"}) as one:
        (error,) = ask(one, "")
    assert error["request_id"] == "one-id"


def test_a_busy_model_is_an_error_and_the_socket_stays_open() -> None:
    with socket(FailingGuesser(ModelOverloadedError("The model is busy."))) as one:
        for _ in range(2):
            (error,) = ask(one, "the house")
            assert (error["status"], error["detail"]) == (503, "The model is busy.")


def test_guards_refuse_the_handshake_and_leave_the_page_open() -> None:
    async def closed(_: HTTPConnection) -> None:
        raise ProblemError(401, "Who are you?")

    refusing = TestClient(guessing(None, Feature(name="closed", guards=[closed])))
    with pytest.raises(WebSocketDenialResponse) as refused, refusing.websocket_connect(SOCKET):
        pass
    assert (refused.value.status_code, refused.value.json()["detail"]) == (401, "Who are you?")
    assert refusing.get("/playground").is_success


def test_a_page_of_another_origin_is_refused() -> None:
    with pytest.raises(WebSocketDenialResponse) as refused, socket(headers=FOREIGN):
        pass
    assert refused.value.status_code == 403
    assert refused.value.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("origin", ["http://testserver", "https://testserver"])
def test_a_page_of_the_service_itself_may_connect(origin: str) -> None:
    with socket(headers={"Origin": origin}) as one:
        assert ask(one, "house")[-1]["type"] == "done"


@pytest.mark.parametrize("origins", ["https://elsewhere.example", "*"])
def test_cors_origins_may_connect(origins: str) -> None:
    settings = ApiSettings.load().model_copy(update={"cors_origins": (origins,)})
    allowing = TestClient(guessing(settings=settings))
    with allowing.websocket_connect(SOCKET, headers=FOREIGN) as one:
        assert ask(one, "house")[-1]["type"] == "done"


def test_the_feature_is_enabled() -> None:
    enabling = visiting(create_app(fake_ports(), list(wiring.features())))
    [path] = {one["path"] for one in enabling.get("/v1/models").json() if one["path"]}
    with enabling.websocket_connect(f"{path}/ws") as one:
        assert ask(one, "house")[-1]["type"] == "done"


def test_a_malformed_setting_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSOCKETS_IDLE_TIMEOUT_S", "-1")
    with pytest.raises(SettingsError, match="WEBSOCKETS_IDLE_TIMEOUT_S"):
        websockets()


def test_one_caller_has_a_share_of_the_sockets() -> None:
    api = guessing(settings=ApiSettings(max_streams_per_caller=1))
    one, other = (TestClient(api, client=(f"192.0.2.{last}", 1)) for last in (1, 2))
    with one.websocket_connect(SOCKET):
        with pytest.raises(WebSocketDenialResponse) as refused, one.websocket_connect(SOCKET):
            pass
        assert (refused.value.status_code, refused.value.headers["retry-after"]) == (429, "1")
        detail = "The limit of 1 open streams for one caller is reached: end one first."
        assert refused.value.json()["detail"] == detail
        with other.websocket_connect(SOCKET):
            pass
    with one.websocket_connect(SOCKET):
        pass
