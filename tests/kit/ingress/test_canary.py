"""The canary over Ray Serve: callers keep to a version, and every answer names it."""

from collections.abc import Iterator

import pytest
from httpx2 import Client

from servekit.api.canary import position
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import UrlOf

from tests.applications.replicated import FRACTION, NAME

pytestmark = [pytest.mark.serve, pytest.mark.application(NAME)]

GERMAN = "Das ist ein schöner Tag, und wir gehen heute im Wald spazieren."
KEYS = ["mouse", "deer"]
"""One below the fraction, and one above it."""


@pytest.fixture
def client(url_of: UrlOf) -> Iterator[Client]:
    with Client(base_url=url_of(NAME), headers=HEADERS, timeout=30) as client:
        yield client


def expected(client: Client, key: str) -> str:
    """By who the caller is, where that is asked; else by the key."""
    me = client.get("/v1/me")
    drawn = position([me.json()["id"] if me.is_success else key]) < float(FRACTION)
    return "language:2" if drawn else "language:1"


@pytest.mark.parametrize("key", KEYS)
def test_a_caller_keeps_to_one_version_on_every_route(client: Client, key: str) -> None:
    version = expected(client, key)
    headers = {"X-Canary-Key": key}
    for number in range(3):
        texts = [f"{GERMAN} {number} {index}" for index in range(20)]
        answers = [
            client.post("/v1/detect", json={"text": texts[0]}, headers=headers),
            client.post(
                "/v1/detect/batch",
                json={"items": [{"text": text} for text in texts]},
                headers=headers,
            ),
            client.post(
                "/v1/detect/lines",
                json={"items": [{"text": text} for text in texts]},
                headers=headers,
            ),
            client.post("/v1/detect/stream", json={"text": texts[1]}, headers=headers),
        ]
        assert [answer.headers["x-model"] for answer in answers] == [version] * 4


def test_the_answers_are_those_of_the_version_that_they_name(client: Client) -> None:
    # Version 2 knows languages that version 1 has never heard of.
    finnish = "Tänään on kaunis päivä, ja me lähdemme metsään kävelylle."
    for key in KEYS:
        answer = client.post("/v1/detect", json={"text": finnish}, headers={"X-Canary-Key": key})
        assert (answer.json()["language"] == "fi") == (answer.headers["x-model"] == "language:2")
