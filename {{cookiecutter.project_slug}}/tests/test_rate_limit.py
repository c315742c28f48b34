"""The feature `rate_limit` is on: answers say what is left."""

from httpx2 import Client


def test_an_answer_says_what_is_left(client: Client) -> None:
    left = [int(client.get("/v1/models").headers["ratelimit-remaining"]) for _ in range(2)]
    assert left[1] <= left[0]


def test_health_is_not_limited(client: Client) -> None:
    assert "ratelimit-remaining" not in client.get("/health/live").headers
