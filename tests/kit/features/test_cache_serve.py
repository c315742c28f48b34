"""The feature `cache` in every placement, with the real model."""

import time
from uuid import uuid4

import pytest
from httpx2 import Client

from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import UrlOf

from tests.applications.cache import NAME, REDIS

GERMAN = "Das ist ein schöner Tag, und wir gehen heute im Wald spazieren."

HIT = "acme-service; hit"
MISS = "acme-service; fwd=miss"
FRESH = "acme-service; fwd=request"


@pytest.fixture
def text() -> str:
    """One that nobody has asked about yet."""
    return f"{GERMAN} {uuid4()}"


def test_the_second_answer_is_the_first_again(client: Client, text: str) -> None:
    first, second = [client.post("/v1/detect", json={"text": text}) for _ in range(2)]
    assert first.headers["cache-status"] == MISS
    assert second.headers["cache-status"] == HIT
    assert second.json() == first.json()
    assert second.json()["language"] == "de"


def test_a_caller_can_insist_on_the_model(client: Client, text: str) -> None:
    headers = {"Cache-Control": "no-cache"}
    answers = [client.post("/v1/detect", json={"text": text}, headers=headers) for _ in range(2)]
    assert {one.headers["cache-status"] for one in answers} == {FRESH}


def test_cached_answers_depend_on_allowed_languages(client: Client, text: str) -> None:
    client.post("/v1/detect", json={"text": text})
    restricted = client.post("/v1/detect", json={"text": text, "allowed": ["nl"]})
    assert restricted.headers["cache-status"] == MISS
    assert restricted.json()["language"] == "nl"


def test_a_batch_asks_only_for_what_is_new(client: Client, text: str) -> None:
    client.post("/v1/detect", json={"text": text})
    texts = [text, f"{text} again", "12345"]
    response = client.post("/v1/detect/batch", json={"items": [{"text": text} for text in texts]})
    assert "fwd=partial" in response.headers["cache-status"]
    assert [one["language"] for one in response.json()["results"]] == ["de", "de", "und"]
    again = client.post("/v1/detect/batch", json={"items": [{"text": text} for text in texts]})
    assert again.headers["cache-status"] == HIT
    assert again.json() == response.json()


@pytest.mark.serve
@pytest.mark.application(NAME)
def test_a_redis_that_comes_and_goes_is_used_while_it_is_there(url_of: UrlOf, text: str) -> None:
    with Client(base_url=url_of(NAME), headers=HEADERS, timeout=30) as client:

        def ask(text: str) -> str:
            # The replica remembers one answer: any other pushes it out.
            client.post("/v1/detect", json={"text": "something else"})
            response = client.post("/v1/detect", json={"text": text})
            assert response.json()["language"] == "de"
            return response.headers["cache-status"].partition("; ")[2]

        assert [ask(text) for _ in range(3)] == ["fwd=miss"] * 3
        with REDIS:
            deadline = time.monotonic() + 15
            while ask(text) != "hit" and time.monotonic() < deadline:
                time.sleep(0.2)
            assert ask(text) == "hit"
        assert ask(text) == "fwd=miss"
