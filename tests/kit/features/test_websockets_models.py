"""The feature `websockets` for models of any contract: a socket beside the routes of each."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from servekit.api import Feature
from servekit.api.errors import ProblemError
from servekit.features.websockets import websockets
from servekit.features.websockets.settings import WebsocketsSettings

from tests.api.test_models import Churn, client_of


@pytest.fixture
def client() -> Iterator[TestClient]:
    with client_of(websockets(WebsocketsSettings())) as client:
        yield client


def said(client: TestClient, path: str, *items: Any) -> list[dict[str, Any]]:
    """What the socket answers, up to the last word on each item."""
    answers: list[dict[str, Any]] = []
    with client.websocket_connect(path) as socket:
        for item in items:
            socket.send_json(item)
            answers.append(socket.receive_json())
            while answers[-1]["type"] not in {"done", "error"}:
                answers.append(socket.receive_json())
    return answers


def test_a_model_that_streams_answers_piece_by_piece(client: TestClient) -> None:
    pieces = [{"churn": 1.0}, {"churn": 0.5}]
    assert said(client, "/v1/churn/ws", {"months": 2}) == [
        *({"type": "prediction", "model": "churn:3", "value": value} for value in pieces),
        {"type": "done", "model": "churn:3", "value": pieces[-1]},
    ]
    assert said(client, "/v1/churn/ws", {"months": 0}) == [{"type": "done"}]


def test_a_model_that_does_not_stream_answers_once(client: TestClient) -> None:
    assert said(client, "/parity/ws", 1, 2) == [
        {"type": "done", "model": "parity", "value": value} for value in (False, True)
    ]


def test_an_item_that_the_contract_does_not_allow_ends_no_socket(client: TestClient) -> None:
    refused, answered = said(client, "/parity/ws", "many", 2)
    assert (refused["type"], refused["status"]) == ("error", 422)
    assert refused["errors"][0]["location"] == ["message"]
    assert answered["value"] is True


def test_a_socket_is_behind_the_guards() -> None:
    async def refuse(_: object) -> None:
        raise ProblemError(401, "Who are you?")

    guarded = client_of(websockets(WebsocketsSettings()), Feature(name="guard", guards=[refuse]))
    with pytest.raises(WebSocketDenialResponse), guarded.websocket_connect("/parity/ws"):
        pass


def test_a_page_from_elsewhere_may_not_connect(client: TestClient) -> None:
    headers = {"Origin": "https://elsewhere.example"}
    with (
        pytest.raises(WebSocketDenialResponse),
        client.websocket_connect("/parity/ws", headers=headers),
    ):
        pass


def test_without_the_feature_there_is_no_socket() -> None:
    with pytest.raises(WebSocketDisconnect), client_of().websocket_connect("/parity/ws"):
        pass


def test_an_answer_is_checked_and_written_as_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [{"churn": float("nan")}, {"churn": 1.0, "password": "s3cret"}, {"fee": 1}]
    monkeypatch.setattr(Churn, "stream", lambda self, item: [answers[item.months]])
    with client_of(websockets(WebsocketsSettings())) as client:
        nan, whole, wrong = [
            said(client, "/v1/churn/ws", {"months": months})[-1] for months in range(3)
        ]
    assert whole["value"] == {"churn": 1.0}
    for failed in (nan, wrong):
        assert (failed["type"], failed["detail"]) == ("error", "The churn model failed.")
