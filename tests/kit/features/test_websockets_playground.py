"""The playground: what the page may do, and what one sees in a real browser."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from fastapi.testclient import TestClient

from servekit.testing.cluster import INLINE

from acme_service import features as wiring
from acme_service.api import create_app
from acme_service.features.websockets import websockets
from acme_service.features.websockets.playground import page

from tests.browser import Browser, chromium
from tests.fakes import fake_ports


@pytest.fixture
def served() -> httpx2.Response:
    return TestClient(create_app(fake_ports(), [websockets()])).get("/playground")


def test_the_page_may_run_what_it_brings_and_nothing_else(served: httpx2.Response) -> None:
    directives = served.headers["content-security-policy"].split("; ")
    policy = dict(directive.split(" ", 1) for directive in directives)
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    for directive in ("script-src", "style-src"):
        assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy[directive])


def test_the_page_is_html_and_taken_for_nothing_else(served: httpx2.Response) -> None:
    assert served.headers["content-type"] == "text/html; charset=utf-8"
    assert served.headers["x-content-type-options"] == "nosniff"


def test_the_page_needs_nothing_from_elsewhere(served: httpx2.Response) -> None:
    assert re.findall(r"https?:|wss?:|[\"'(]//|@import|url\(|\bsrc=", served.text) == []
    assert re.findall(r"href=\"([^\"]*)\"", served.text) == ["data:,"]
    assert re.findall(r"\son\w+=|\sstyle=", served.text) == []


def test_the_name_of_the_service_is_escaped() -> None:
    html = page("Tom & <Jerry>")
    assert "<title>Tom &amp; &lt;Jerry&gt;: playground</title>" in html
    assert "<Jerry>" not in html
    assert "[[" not in html


def test_the_page_is_enabled() -> None:
    assert (
        TestClient(create_app(fake_ports(), list(wiring.features()))).get("/playground").is_success
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(chromium(), tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


CONNECTED = "document.querySelector('#connection').dataset.state === 'open'"
EFFORT = "document.querySelector('#effort').textContent"
STILL = "document.getAnimations().length === 0"
PROBLEM = "document.querySelector('#problem').textContent"
TOP = "document.querySelector('#candidates .name').textContent"
SCORES = "[...document.querySelectorAll('#candidates .score')].map(one => one.textContent).join()"


@pytest.mark.serve
@pytest.mark.browser
class TestInABrowser:
    @pytest.mark.parametrize("prefix", ["", pytest.param("/inline", marks=INLINE)])
    def test_the_bars_move_as_one_types(self, browser: Browser, service: str, prefix: str) -> None:
        browser.open(f"{service}{prefix}/playground")
        browser.type("Der")
        early = browser.find(SCORES)
        browser.type(" frühe Vogel fängt den Wurm.")
        browser.find(f"{EFFORT}.startsWith('6 guesses in ') && {STILL}")
        assert browser.find(SCORES) != early
        browser.find(f"{TOP} === 'German'")
        assert browser.find("document.querySelector('#verdict').textContent") == "German Deutsch"
        assert browser.complaints == []

    def test_a_dropped_socket_is_opened_again(self, browser: Browser, service: str) -> None:
        browser.open(f"{service}/playground")
        browser.find(CONNECTED)
        browser.value("socket.close()")
        browser.find(f"!({CONNECTED})")
        browser.type("the house")
        browser.find(f"{CONNECTED} && {SCORES}")

    def test_an_error_is_shown_until_the_next_answer(self, browser: Browser, service: str) -> None:
        browser.open(f"{service}/playground")
        browser.find(CONNECTED)
        browser.value("box.value = 'x'.repeat(10_001); ask()")
        assert "at most 10000 characters" in browser.find(PROBLEM)
        browser.value("box.value = ''")
        browser.type("the house")
        browser.find(f"!{PROBLEM} && {SCORES}")
        assert browser.complaints == []
