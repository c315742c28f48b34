"""The page `/docs`: it loads nothing from elsewhere."""

import re
from collections.abc import Iterator

import pytest
from httpx2 import Client

from tests.browser import Browser, chromium


def test_the_docs_know_under_which_prefix_they_stand(client: Client) -> None:
    prefix = client.base_url.path.rstrip("/")
    assert f"'{prefix}/openapi.json'" in client.get("/docs").text


def test_the_docs_load_files_of_their_own_service_alone(client: Client) -> None:
    html = client.get("/docs").text
    prefix = client.base_url.path.rstrip("/")
    loaded = [one for one in re.findall(r'(?:src|href)="([^"]*)"', html) if one != "data:,"]
    assert len(loaded) == 2
    for one in loaded:
        assert one.startswith(f"{prefix}/docs/assets/")
        assert client.get(one.removeprefix(prefix)).is_success


def test_the_docs_may_run_what_they_bring_and_nothing_else(client: Client) -> None:
    headers = client.get("/docs").headers
    directives = headers["content-security-policy"].split("; ")
    policy = dict(directive.split(" ", 1) for directive in directives)
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == policy["style-src"] == "'self'"
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}=' 'self'", policy["script-src"])
    assert headers["x-content-type-options"] == "nosniff"


def test_a_file_that_the_docs_do_not_have_is_a_404(client: Client) -> None:
    response = client.get("/docs/assets/nothing.js")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(chromium(), tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.mark.serve
@pytest.mark.browser
@pytest.mark.parametrize("prefix", ["", "/inline"])
def test_a_browser_shows_an_operation_without_complaint(
    browser: Browser, service: str, prefix: str
) -> None:
    browser.open(f"{service}{prefix}/docs")
    operation = "document.querySelector('#operations-language-detect_file"
    browser.find(f"{operation} button').click() ?? true")
    shown = f"{operation}').innerText"
    browser.find(f"{shown}.includes('How many candidates to answer with.')")
    assert browser.complaints == []
