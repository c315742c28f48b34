"""Answers that come piece by piece."""

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
    items = [{"text": text} for text in (GERMAN, "1", "the house")]
    response = client.post("/v1/detect/lines", json={"items": items})
    answers = [json.loads(line) for line in response.text.splitlines()]
    assert [one["language"] for one in answers] == ["de", "und", "en"]
    assert response.headers["content-type"].startswith("application/jsonl")


def test_a_stream_answers_once_a_word_and_last_what_detect_says(client: Client) -> None:
    response = client.post("/v1/detect/stream", json={"text": GERMAN})
    assert response.headers["content-type"].startswith("text/event-stream")
    *pieces, done = events(response.text)
    assert [name for name, _ in pieces] == ["prediction"] * 5
    assert pieces[-1][1] == client.post("/v1/detect", json={"text": GERMAN}).json()
    assert done == ("done", {})


def test_a_stream_over_a_bad_request_is_a_plain_problem(client: Client) -> None:
    response = client.post("/v1/detect/stream", json={"text": ""})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
