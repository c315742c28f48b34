"""Uploads."""

import pytest
from httpx2 import Client

GERMAN = "Das ist ein schöner Tag, und wir gehen heute im Wald spazieren.\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_is_answered_like_a_text(client: Client, encoding: str) -> None:
    files = {"file": ("text.txt", GERMAN.encode(encoding))}
    answer = client.post("/v1/detect/file", files=files).json()
    assert answer == client.post("/v1/detect", json={"text": GERMAN}).json()


def test_a_file_may_be_longer_than_a_text(client: Client) -> None:
    files = {"file": ("long.txt", (GERMAN * 5000).encode())}
    assert client.post("/v1/detect/file", files=files).json()["language"] == "de"


def test_a_file_that_is_not_utf_8_is_refused(client: Client) -> None:
    response = client.post("/v1/detect/file", files={"file": b"\xff\xfe\x00"})
    assert (response.status_code, response.json()["errors"][0]["location"]) == (
        422,
        ["body", "file"],
    )


def test_a_file_over_the_limit_is_refused(client: Client) -> None:
    response = client.post("/v1/detect/file", files={"file": b"a" * (1024 * 1024 + 1)})
    assert response.status_code == 413


def test_a_form_without_a_file_is_refused(client: Client) -> None:
    response = client.post("/v1/detect/file", files={"other": b"a"})
    assert response.status_code == 422
