"""What is read from a cookie and from Accept-Language."""

import pytest
from fastapi.testclient import TestClient

from acme_service.api.hints import allowed_languages, preferred_languages
from acme_service.contracts.language import Query

from tests.fakes import FakeDetector, create_app, fake_ports


@pytest.mark.parametrize(
    ("cookie", "codes"),
    [
        ("", ()),
        ("de", ("de",)),
        ("fr.de.fr", ("de", "fr")),
        ("DE.d.deutsch.ü..", ()),
    ],
)
def test_a_cookie_holds_codes(cookie: str, codes: tuple[str, ...]) -> None:
    assert allowed_languages(cookie) == codes


@pytest.mark.parametrize(
    ("header", "codes"),
    [
        ("", ()),
        ("de-CH, de;q=0.9, EN;q=0.5, *;q=0.1", ("de", "en")),
        ("en;q=0.5, fr", ("fr", "en")),
        ("de;q=0, en", ("en",)),
        ("de;q=2, en;q=x, fr ; q=0.3", ("fr",)),
    ],
)
def test_accept_language_is_ranked_by_weight(header: str, codes: tuple[str, ...]) -> None:
    assert preferred_languages(header) == codes


def test_the_model_is_told_what_the_request_says() -> None:
    detector = FakeDetector()
    headers = {"Cookie": "languages=de.en", "Accept-Language": "fr"}
    client = TestClient(create_app(fake_ports(detector)))
    client.post("/v1/detect/file", files={"file": b"fine"}, headers=headers)
    assert detector.asked == [Query("fine", ("de", "en"), ("fr",))]
