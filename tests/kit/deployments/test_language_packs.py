"""What `docs/how-to/language-packs.md` shows works, over Ray Serve."""

from typing import Any

import httpx2
import pytest

from servekit.testing.cluster import UrlOf

pytestmark = [pytest.mark.serve, pytest.mark.application("packs")]


@pytest.fixture
def packs(url_of: UrlOf) -> str:
    return url_of("packs")


def ask(packs: str, language: str, text: str = "") -> httpx2.Response:
    body = {"language": language, "text": text}
    return httpx2.post(packs, json=body, timeout=30)


def mood(packs: str, language: str, text: str = "") -> dict[str, Any]:
    answer = ask(packs, language, text)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_each_language_is_judged_by_its_own_pack(packs: str) -> None:
    german = mood(packs, "de", "ein wunderbar langer Film")
    french = mood(packs, "fr", "un film affreux")
    assert (german["pack"], german["mood"]) == ("de", 2)
    assert (french["pack"], french["mood"]) == ("fr", -2)


def test_the_pack_that_was_asked_for_the_longest_ago_is_dropped(packs: str) -> None:
    for language in ("es", "de"):
        held = mood(packs, language)["loads"]
    loads = [mood(packs, language)["loads"] - held for language in ("es", "de", "fr")]
    assert loads == [0, 0, 1]
    # French took the place of Spanish, which was asked for the longest ago.
    assert [mood(packs, language)["loads"] - held for language in ("de", "es")] == [1, 2]


@pytest.mark.parametrize("language", ["xx", "", "../packs/de", "DE"])
def test_a_pack_that_there_is_not_is_refused_in_one_sentence(packs: str, language: str) -> None:
    loads = mood(packs, "de")["loads"]
    answer = ask(packs, language)
    assert answer.status_code == 404
    assert answer.json() == {"detail": "There is no such language pack; there are de, es, fr."}
    assert mood(packs, "de")["loads"] == loads


@pytest.mark.parametrize(
    "body", ["", "{", "\xff", "[]", '{"language": "de"}', '{"language": 7, "text": "s3cret"}']
)
def test_a_body_that_asks_nothing_is_refused_in_one_sentence(packs: str, body: str) -> None:
    answer = httpx2.post(packs, content=body.encode("latin-1"), timeout=30)
    assert answer.status_code == 422
    detail = "The body has to be a JSON object with a text and a language."
    assert answer.json() == {"detail": detail}


def test_what_a_caller_puts_into_the_header_of_serve_loads_nothing(packs: str) -> None:
    headers = {"serve_multiplexed_model_id": "../packs/de"}
    body = {"language": "fr", "text": "beau"}
    answer = httpx2.post(packs, json=body, headers=headers, timeout=30)
    assert answer.json()["pack"] == "fr"
