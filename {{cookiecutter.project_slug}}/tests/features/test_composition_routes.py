"""Three models, one answer."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Client

from servekit.testing.authenticated_client import visiting
from servekit.testing.fixtures import wait_until_nothing_is_noted

from acme_service.app import WIRING

PATIENT = {
    "BATCHER_TIMEOUT_S": "60",
    "COMPOSITION_OPINION_TIMEOUT_S": "30",
    "COMPOSITION_SENTIMENT_TIMEOUT_S": "30",
}


@pytest.fixture(scope="module")
def process() -> Iterator[TestClient]:
    """The service in this process, where no model is missing because the machine is busy."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in PATIENT.items():
            patch.setenv(name, value)
        service = WIRING.development()
    with visiting(service, "https://testserver") as client:
        wait_until_nothing_is_noted(client)
        yield client


def ask(client: Client, text: str, **headers: str) -> dict[str, Any]:
    answer = client.post("/v1/analyze", json={"text": text}, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["missing"] == []
    return answer.json()


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("What a wonderful day, I love this place!", "positive"),
        ("This is a terrible failure and I hate it.", "negative"),
        ("The train leaves the station in the morning.", "neutral"),
    ],
)
def test_an_english_text_gets_its_mood(client: Client, text: str, label: str) -> None:
    answer = ask(client, text)
    assert (answer["language"], answer["sentiment"]["label"]) == ("en", label)
    assert -1 <= answer["sentiment"]["score"] <= 1


def test_other_languages_have_no_sentiment(client: Client) -> None:
    answer = ask(client, "Das ist ein schöner Tag.")
    assert (answer["language"], answer["sentiment"]) == ("de", None)


def test_two_models_say_what_they_voted(client: Client) -> None:
    votes = ask(client, "Das ist ein schöner Tag.")["votes"]
    assert [vote["language"] for vote in votes] == ["de", "de"]
    assert [vote["model"].partition(":")[0] for vote in votes] == ["language", "py3langid"]


def test_a_language_that_only_the_second_model_knows_is_found(client: Client) -> None:
    answer = ask(client, "Ég er að læra íslensku í skólanum á hverjum degi.")
    own, second = answer["votes"]
    assert own["language"] != "is"
    assert answer["language"] == second["language"] == "is"


def test_preferences_bind_both_models(client: Client) -> None:
    cookie = {"cookie": "languages=fr.nl"}
    votes = ask(client, "Das ist ein schöner Tag.", **cookie)["votes"]
    assert {vote["language"] for vote in votes} <= {"fr", "nl"}


def test_text_without_letters_has_no_language(client: Client) -> None:
    answer = ask(client, "12 + 34")
    assert (answer["language"], answer["score"], answer["sentiment"]) == ("und", 0, None)
    assert {vote["language"] for vote in answer["votes"]} == {"und"}


def test_an_analysis_names_the_own_model(client: Client) -> None:
    answer = client.post("/v1/analyze", json={"text": "Das ist ein schöner Tag."})
    assert answer.headers["x-model"] == "language:1"
    documented = client.get("/openapi.json").json()["paths"]["/v1/analyze"]["post"]
    assert "X-Model" in documented["responses"]["200"]["headers"]
