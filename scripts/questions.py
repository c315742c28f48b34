"""Real requests to a running service, each with the answer that makes sense."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from httpx2 import Client, Response

SENTENCES = [
    "Wie spät ist es, und wann fährt der nächste Zug nach Leipzig?",
    "Je voudrais une table pour deux personnes, près de la fenêtre.",
    "The library opens at nine and closes when the last reader leaves.",
    "¿Dónde está la parada del autobús que va al centro?",
    "Questo treno ferma in tutte le stazioni fino a Bologna.",
]
LANGUAGES = ["de", "fr", "en", "es", "it"]


class Question(NamedTuple):
    """One request, and whether its answer is the right one.

    told: what goes into the body, as people would say it.
    """

    asks: str
    method: str
    path: str
    sends: dict[str, Any]
    told: str
    is_right: Callable[[Response], bool]


def languages(answer: Response) -> list[str]:
    return [one["language"] for one in answer.json()["results"]]


def lines(answer: Response) -> list[str]:
    return [json.loads(line)["language"] for line in answer.text.splitlines() if line]


def events(answer: Response) -> list[str]:
    return [line.split(": ")[1] for line in answer.text.splitlines() if line.startswith("event: ")]


QUESTIONS = [
    Question("Who are you?", "GET", "/", {}, "", lambda answer: "name" in answer.json()),
    *(
        Question(
            "Which language is this?",
            "POST",
            "/v1/detect",
            {"json": {"text": sentence}},
            sentence,
            lambda answer, language=language: answer.json()["language"] == language,
        )
        for sentence, language in zip(SENTENCES, LANGUAGES, strict=True)
    ),
    Question(
        "And these, all at once?",
        "POST",
        "/v1/detect/batch",
        {"json": {"items": [{"text": sentence} for sentence in SENTENCES]}},
        f"{len(SENTENCES)} texts",
        lambda answer: languages(answer) == LANGUAGES,
    ),
    Question(
        "And these, a line at a time?",
        "POST",
        "/v1/detect/lines",
        {"json": {"items": [{"text": sentence} for sentence in SENTENCES]}},
        f"{len(SENTENCES)} texts",
        lambda answer: lines(answer) == LANGUAGES,
    ),
    Question(
        "And while I am still typing?",
        "POST",
        "/v1/detect/stream",
        {"json": {"text": SENTENCES[0]}},
        SENTENCES[0],
        lambda answer: events(answer)[-1] == "done" and events(answer).count("prediction") > 1,
    ),
    Question(
        "And this file?",
        "POST",
        "/v1/detect/file",
        {"files": {"file": ("letter.txt", SENTENCES[1].encode(), "text/plain")}},
        "letter.txt",
        lambda answer: answer.json()["language"] == "fr",
    ),
    Question(
        "Do you know me?",
        "GET",
        "/v1/me",
        {},
        "",
        lambda answer: answer.json()["id"] == "key:local",
    ),
    Question(
        "And if I were somebody else?",
        "POST",
        "/v1/detect",
        {"json": {"text": "hello"}, "headers": {"X-API-Key": "guessed"}},
        "hello",
        lambda answer: answer.status_code == 401,
    ),
    Question(
        "What if I ask for something impossible?",
        "POST",
        "/v1/detect",
        {"json": {"text": "hello", "allowed": ["99"]}},
        "hello",
        lambda answer: (
            answer.status_code == 422 and "problem+json" in answer.headers["content-type"]
        ),
    ),
]


def ask_all(url: str, headers: Mapping[str, str]) -> None:
    """Print every question with its answer. Raises SystemExit when one is wrong.

    headers: what lets one in.
    """
    with Client(base_url=url, headers=headers, timeout=30) as client:
        wrong = [question.asks for question in QUESTIONS if not ask(client, question)]
    if wrong:
        sys.exit(f"Answered wrongly: {' '.join(wrong)}")


def ask(client: Client, question: Question) -> bool:
    began = time.perf_counter()
    answer = client.request(question.method, question.path, **question.sends)
    took_ms = (time.perf_counter() - began) * 1000
    print(f"\n{question.asks}  {question.told}".rstrip())
    print(f"  {question.method} {question.path} -> {answer.status_code} in {took_ms:.1f} ms")
    body = [line for line in answer.text.splitlines() if line]
    for line in body[:3] + (["…"] if len(body) > 4 else []) + body[3:][-1:]:
        print(f"  {line if len(line) <= 110 else line[:109] + '…'}")
    try:
        return question.is_right(answer)
    except (KeyError, TypeError, ValueError, IndexError):
        return False  # not even the shape is right
