"""The feature `websockets` is on: there is a playground; `test_models.py` asks each socket."""

from httpx2 import Client


def test_there_is_a_playground(client: Client) -> None:
    assert client.get("/playground").headers["content-type"].startswith("text/html")
