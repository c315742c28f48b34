"""Texts, batches and files."""

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


def test_a_text_without_letters_is_undetermined(client: Client) -> None:
    answer = client.post("/v1/detect", json={"text": "42 :-)"}).json()
    assert answer == {"language": "und", "score": 0, "candidates": []}


def test_the_candidates_can_be_restricted(client: Client) -> None:
    body = {"text": GERMAN, "allowed": ["fr", "nl", "xx"]}
    answer = client.post("/v1/detect", json=body).json()
    assert {one["language"] for one in answer["candidates"]} == {"fr", "nl"}


@pytest.mark.parametrize("field", ["allowed", "preferred"])
@pytest.mark.parametrize("codes", ["de", ["DE"], ["d"], [1], ["de"] * 65])
def test_what_is_no_list_of_codes_is_refused(client: Client, field: str, codes: object) -> None:
    response = client.post("/v1/detect", json={"text": GERMAN, field: codes})
    assert response.status_code == 422
    assert response.json()["errors"][0]["location"][:2] == ["body", field]


def test_a_preference_decides_a_tie(client: Client) -> None:
    for preferred in ("it", "es"):
        body = {"text": "radio", "preferred": [preferred, "de"]}
        answer = client.post("/v1/detect", json=body).json()
        assert answer["language"] == preferred
        assert {one["language"] for one in answer["candidates"][:2]} == {"it", "es"}


def test_a_batch_is_answered_in_order(client: Client) -> None:
    items = [{"text": text} for text in [GERMAN, "12345", ENGLISH] * 100]
    results = client.post("/v1/detect/batch", json={"items": items}).json()["results"]
    assert [one["language"] for one in results] == ["de", "und", "en"] * 100


def test_a_large_batch_of_long_texts_is_split_and_answered(client: Client) -> None:
    items = [{"text": "д" * 9_000}] * 50
    results = client.post("/v1/detect/batch", json={"items": items}).json()["results"]
    assert len(results) == 50


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_is_answered_like_a_text(client: Client, encoding: str) -> None:
    files = {"file": ("text.txt", GERMAN.encode(encoding))}
    answer = client.post("/v1/detect/file", files=files).json()
    assert answer == client.post("/v1/detect", json={"text": GERMAN}).json()


def test_a_file_may_be_longer_than_a_text(client: Client) -> None:
    files = {"file": ("long.txt", (GERMAN * 5000).encode())}
    assert client.post("/v1/detect/file", files=files).json()["language"] == "de"


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"file": b"\xff\xfe\x00"}, 422),
        ({"file": b""}, 422),
        ({"other": b"a"}, 422),
        ({"file": b"a" * (1024 * 1024 + 1)}, 413),
    ],
    ids=["not-utf-8", "empty", "no-file", "too-large"],
)
def test_a_file_that_cannot_be_read_is_refused(
    client: Client, files: dict[str, bytes], status: int
) -> None:
    response = client.post("/v1/detect/file", files=files)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def detect_file(client: Client, text: str, query: str = "", **headers: str) -> list[str]:
    """The languages of the candidates, best first."""
    files = {"file": text.encode()}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = client.post(f"/v1/detect/file{query}", files=files, headers=named)
    assert response.headers["vary"] == "Cookie, Accept-Language"
    return [one["language"] for one in response.json()["candidates"]]


def test_top_says_how_many_candidates_come_back(client: Client) -> None:
    assert detect_file(client, GERMAN, "?top=1") == ["de"]


@pytest.mark.parametrize("top", ["0", "4", "many"])
def test_a_top_out_of_range_is_refused(client: Client, top: str) -> None:
    response = client.post(f"/v1/detect/file?top={top}", files={"file": b"a"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["location"] == ["query", "top"]


def test_the_cookie_restricts_the_candidates(client: Client) -> None:
    assert {*detect_file(client, GERMAN, cookie="languages=fr.nl.xx")} == {"fr", "nl"}
    assert detect_file(client, GERMAN, cookie="languages=xx.q.-.;other=1")[0] == "de"


def test_accept_language_decides_a_tie_and_nothing_else(client: Client) -> None:
    for preferred in ("it", "es"):
        accepted = f"{preferred}, de;q=0.5"
        assert detect_file(client, "radio", accept_language=accepted)[0] == preferred
    assert detect_file(client, GERMAN, accept_language="en, fr;q=0.5")[0] == "de"


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "languages=" + "." * 4000},
        {"Cookie": 'languages="\\"; a=b; =; ;;'},
        {"Accept-Language": "," * 4000},
        {"Accept-Language": "de;q=nan, *;q=-1, ;=;"},
        {"Accept-Language": "x" * 6000},
    ],
    ids=["dots", "broken-cookie", "commas", "broken-weights", "long"],
)
def test_odd_headers_are_ignored(client: Client, headers: dict[str, str]) -> None:
    response = client.post("/v1/detect/file", files={"file": b"the house"}, headers=headers)
    assert response.status_code == 200
