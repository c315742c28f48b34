"""Answers that come piece by piece. What the pieces say; when they come, `ingress` tests."""

import json
from typing import Any

from httpx2 import Client

GERMAN = "Das ist ein schöner Tag"


def events(body: str) -> list[tuple[str, Any]]:
    """The name and the data of each server-sent event."""
    found = []
    for block in body.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_lines_are_answers_in_order(client: Client) -> None:
    response = client.post("/v1/detect/lines", json={"texts": [GERMAN, "1", "the house"]})
    answers = [json.loads(line) for line in response.text.splitlines()]
    assert [one["language"] for one in answers] == ["de", "und", "en"]
    assert response.headers["content-type"].startswith("application/jsonl")


def test_a_stream_guesses_once_a_word_and_is_done(client: Client) -> None:
    response = client.post("/v1/detect/stream", json={"text": GERMAN})
    names = [name for name, _ in events(response.text)]
    assert names == ["guess"] * 5 + ["done"]
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["vary"] == "Cookie, Accept-Language"


def test_the_last_guess_is_what_detect_says(client: Client) -> None:
    response = client.post("/v1/detect/stream", json={"text": GERMAN})
    (_, guess), (_, done) = events(response.text)[-2:]
    assert guess == done == client.post("/v1/detect", json={"text": GERMAN}).json()


def test_a_stream_over_a_bad_request_is_a_plain_problem(client: Client) -> None:
    response = client.post("/v1/detect/stream", json={"text": ""})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
