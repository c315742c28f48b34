"""Whatever a client sends, it gets a problem that says what is wrong, and never a 5xx."""

from collections.abc import Iterator

import pytest
from httpx2 import Client

JSON = {"content-type": "application/json"}
TEN_MEGABYTES = 10_000_000


def pieces() -> Iterator[bytes]:
    """Sent without a Content-Length."""
    for _ in range(10):
        yield b"x" * (TEN_MEGABYTES // 10)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b'{"text": 1}', 422),
        (b'{"text": null}', 422),
        (b'{"text": ["a"]}', 422),
        (b'{"text": NaN}', 422),
        (b'{"text": Infinity}', 422),
        (b'{"text": "\\ud800"}', 422),
        (b'{"text": "\xff"}', 400),
        (b'{"text": ""}', 422),
        (b'{"text": "' + b"a" * 10_001 + b'"}', 422),
        (b"[" * 50_000, 400),
        (b'{"text":' * 50_000, 400),
        (b"x" * TEN_MEGABYTES, 413),
    ],
    ids=[
        "empty",
        "cut",
        "null",
        "string",
        "number",
        "null-text",
        "list",
        "nan",
        "infinity",
        "lone-surrogate",
        "not-utf-8",
        "empty-text",
        "long-text",
        "nested-lists",
        "nested-objects",
        "ten-megabytes",
    ],
)
def test_a_bad_body_is_a_problem(client: Client, body: bytes, status: int) -> None:
    response = client.post("/v1/detect", content=body, headers=JSON)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status


def test_ten_megabytes_in_pieces_are_too_much(client: Client) -> None:
    response = client.post("/v1/detect", content=pieces(), headers=JSON)
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


def test_a_nul_byte_is_a_character_like_any_other(client: Client) -> None:
    response = client.post("/v1/detect", json={"text": "Das ist\x00 ein schöner Tag"})
    assert response.json()["language"] == "de"


def test_a_problem_never_repeats_what_was_sent(client: Client) -> None:
    secret = "s3cret"
    for body in ({"text": {secret: secret}}, {"text": [secret]}, {secret: secret}):
        assert secret not in client.post("/v1/detect", json=body).text


def test_huge_headers_are_no_server_error(client: Client) -> None:
    headers = {f"x-header-{number}": "x" * 8000 for number in range(20)}
    assert client.get("/health/live", headers=headers).status_code < 500


def test_an_unknown_path_is_a_problem(client: Client) -> None:
    response = client.get("/nowhere")
    assert (response.status_code, response.headers["content-type"]) == (
        404,
        "application/problem+json",
    )


def test_an_unknown_method_is_a_problem_that_names_the_known_ones(client: Client) -> None:
    response = client.get("/v1/detect")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.headers["content-type"] == "application/problem+json"
