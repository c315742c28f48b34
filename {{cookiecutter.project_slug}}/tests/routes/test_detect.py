"""Single texts and batches."""

import pytest
from httpx2 import Client

GERMAN = "Das ist ein schöner Tag, und wir gehen heute im Wald spazieren."
ENGLISH = "The weather is lovely today and we are going for a walk."


def test_a_text_gets_its_language_and_the_best_few_candidates(client: Client) -> None:
    answer = client.post("/v1/detect", json={"text": GERMAN}).json()
    assert answer["language"] == "de"
    assert answer["score"] == answer["candidates"][0]["score"]
    assert [*answer["candidates"][0]] == ["language", "score"]
    assert len(answer["candidates"]) == 3


def test_top_says_how_many_candidates_come_back(client: Client) -> None:
    answer = client.post("/v1/detect?top=1", json={"text": GERMAN}).json()
    assert [one["language"] for one in answer["candidates"]] == ["de"]


@pytest.mark.parametrize("top", ["0", "11", "many"])
def test_a_top_out_of_range_is_refused(client: Client, top: str) -> None:
    response = client.post(f"/v1/detect?top={top}", json={"text": GERMAN})
    assert (response.status_code, response.json()["errors"][0]["location"]) == (
        422,
        ["query", "top"],
    )


def test_a_text_without_letters_is_undetermined(client: Client) -> None:
    answer = client.post("/v1/detect", json={"text": "42 :-)"}).json()
    assert answer == {"language": "und", "score": 0, "candidates": []}


def test_the_cookie_restricts_the_candidates(client: Client) -> None:
    headers = {"Cookie": "languages=fr.nl.xx"}
    answer = client.post("/v1/detect", json={"text": GERMAN}, headers=headers).json()
    assert {one["language"] for one in answer["candidates"]} == {"fr", "nl"}
    assert sum(one["score"] for one in answer["candidates"]) == pytest.approx(1, abs=1e-3)


def test_a_cookie_of_unknown_languages_restricts_nothing(client: Client) -> None:
    headers = {"Cookie": "languages=xx.q.-.;other=1"}
    answer = client.post("/v1/detect", json={"text": GERMAN}, headers=headers).json()
    assert answer["language"] == "de"


def test_accept_language_does_not_overrule_a_clear_answer(client: Client) -> None:
    headers = {"Accept-Language": "en, fr;q=0.5"}
    answer = client.post("/v1/detect", json={"text": GERMAN}, headers=headers).json()
    assert answer["language"] == "de"


@pytest.mark.parametrize("preferred", ["it", "es"])
def test_accept_language_decides_a_tie(client: Client, preferred: str) -> None:
    headers = {"Accept-Language": f"{preferred}, de;q=0.5"}
    answer = client.post("/v1/detect", json={"text": "radio"}, headers=headers).json()
    assert answer["language"] == preferred
    assert {one["language"] for one in answer["candidates"][:2]} == {"it", "es"}


def test_answers_vary_with_what_they_were_read_from(client: Client) -> None:
    response = client.post("/v1/detect", json={"text": GERMAN})
    assert response.headers["vary"] == "Cookie, Accept-Language"


def test_a_batch_is_answered_in_order(client: Client) -> None:
    texts = [GERMAN, "12345", ENGLISH] * 100
    results = client.post("/v1/detect/batch", json={"texts": texts}).json()["results"]
    assert [one["language"] for one in results] == ["de", "und", "en"] * 100


@pytest.mark.parametrize("texts", [[], ["a"] * 1001, ["a", ""]], ids=["none", "1001", "empty"])
@pytest.mark.parametrize("route", ["/v1/detect/batch", "/v1/detect/lines"])
def test_a_batch_has_1_to_1000_texts(client: Client, route: str, texts: list[str]) -> None:
    assert client.post(route, json={"texts": texts}).status_code == 422


def test_a_large_batch_of_long_texts_is_split_and_answered(client: Client) -> None:
    texts = ["д" * 9_000] * 200
    results = client.post("/v1/detect/batch", json={"texts": texts}).json()["results"]
    assert len(results) == 200
