"""The feature `cache` is on: an answer is given again."""

from uuid import uuid4

from httpx2 import Client


def test_an_answer_is_given_again(client: Client) -> None:
    body = {"text": f"Das ist ein Tag {uuid4()}"}
    first, second = [client.post("/v1/detect", json=body) for _ in range(2)]
    assert first.headers["cache-status"].endswith("fwd=miss")
    assert second.headers["cache-status"].endswith("hit")
    assert second.json() == first.json()
