"""The feature `rate_limit` is on: answers say what is left."""

from httpx2 import Client


def test_an_answer_says_what_is_left(client: Client) -> None:
    headers = client.get("/v1/models").headers
    assert 0 <= int(headers["ratelimit-remaining"]) < int(headers["ratelimit-limit"])


def test_health_is_not_limited(client: Client) -> None:
    assert "ratelimit-remaining" not in client.get("/health/live").headers
