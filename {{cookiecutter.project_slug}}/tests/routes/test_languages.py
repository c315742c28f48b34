"""The languages that the model knows, and a reader's choice among them."""

import json

import pytest
from httpx2 import Client

from servekit.testing.store import STORE

from acme_service.api.language_names import language_name


def test_languages_are_listed_by_code(client: Client) -> None:
    languages = client.get("/v1/languages").json()
    assert {"code": "de", "name": "German"} in languages
    assert languages == sorted(languages, key=lambda one: one["code"])


def test_every_language_of_every_model_has_a_name() -> None:
    for manifest in STORE.glob("language/*/manifest.json"):
        for code in json.loads(manifest.read_text(encoding="utf-8"))["languages"]:
            assert language_name(code) != code


def test_a_language_has_a_page_of_its_own(client: Client) -> None:
    assert client.get("/v1/languages/de").json() == {"code": "de", "name": "German"}


def test_an_unknown_language_is_a_404_problem(client: Client) -> None:
    response = client.get("/v1/languages/tlh")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_put_sets_a_cookie_that_get_reads(client: Client) -> None:
    response = client.put("/v1/preferences", json={"languages": ["en", "de", "en"]})
    assert (response.status_code, response.json()) == (200, {"languages": ["de", "en"]})
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("languages=de.en; ")
    assert {"HttpOnly", "SameSite=lax", "Secure"} <= set(cookie.split("; "))

    answer = client.get("/v1/preferences", headers={"Cookie": "languages=de.en.xx"})
    assert answer.json() == {"languages": ["de", "en"]}


def test_delete_clears_the_cookie(client: Client) -> None:
    response = client.delete("/v1/preferences")
    assert (response.status_code, response.content) == (204, b"")
    assert "Max-Age=0" in response.headers["set-cookie"]


def test_the_cookie_belongs_to_the_prefix_that_set_it(client: Client) -> None:
    prefix = client.base_url.path.rstrip("/")
    set_there = client.put("/v1/preferences", json={"languages": ["de"]})
    cleared_there = client.delete("/v1/preferences")
    for response in (set_there, cleared_there):
        assert f"Path={prefix or '/'}" in response.headers["set-cookie"].split("; ")


def test_a_cookie_of_ones_own_comes_before_those_of_services_around(client: Client) -> None:
    # In the order in which browsers send them: the longest path first.
    headers = {"Cookie": "languages=de; other=1; languages=en"}
    assert client.get("/v1/preferences", headers=headers).json() == {"languages": ["de"]}


@pytest.mark.parametrize("code", ["tlh", "", "de.en", "ä"])
def test_an_unknown_preference_is_refused(client: Client, code: str) -> None:
    response = client.put("/v1/preferences", json={"languages": ["de", code]})
    assert response.status_code == 422
    assert response.json()["errors"][0]["location"] == ["body", "languages", 1]
