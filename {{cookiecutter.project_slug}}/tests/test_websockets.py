"""The feature `websockets` is on: a socket answers each message, and there is a playground."""

from fastapi.testclient import TestClient
from httpx2 import Client


def test_a_socket_answers_each_message(process: TestClient) -> None:
    with process.websocket_connect("/v1/detect/ws") as socket:
        for text in ("Das ist ein schöner Tag", "the house on the hill"):
            socket.send_json({"text": text})
            answer = socket.receive_json()
            while answer["type"] == "prediction":
                answer = socket.receive_json()
            assert (answer["type"], answer["model"]) == ("done", "language:1")


def test_there_is_a_playground(client: Client) -> None:
    assert client.get("/playground").headers["content-type"].startswith("text/html")
