"""The playground: what the page may do, and what one sees in a real browser."""

import json
import re
from collections.abc import Iterator

import httpx2
import pytest
from fastapi.testclient import TestClient

from servekit.features.websockets.playground import page
from servekit.testing.cluster import INLINE

from acme_service import features as wiring

from .websockets_guesser import SERVICE, guessing
from .websockets_orders import NAME, running
from tests.browser import Browser, chromium
from tests.fakes import create_app, fake_ports


@pytest.fixture
def served() -> httpx2.Response:
    return TestClient(guessing()).get("/playground")


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
    assert re.findall(r"https?:|\bwss?:|[\"'(]//|@import|url\(|\bsrc=", served.text) == []
    assert re.findall(r"href=\"([^\"]*)\"", served.text) == ["data:,"]
    assert re.findall(r"\son\w+=|\sstyle=", served.text) == []


def test_the_page_carries_the_name_of_the_service(served: httpx2.Response) -> None:
    assert f"<title>{SERVICE.name}: playground</title>" in served.text


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


@pytest.fixture(scope="module")
def orders() -> Iterator[str]:
    with running() as url:
        yield url


CONNECTED = "document.querySelector('#connection').dataset.state === 'open'"
EFFORT = "document.querySelector('#effort').textContent"
STILL = "document.getAnimations().length === 0"
PROBLEM = "document.querySelector('#problem').textContent"
VERDICT = "document.querySelector('#verdict').textContent"
ANSWER = "document.querySelector('#json').textContent"
TOP = "document.querySelector('#scores .name').textContent"
SCORES = "[...document.querySelectorAll('#scores .score')].map(one => one.textContent).join()"
PIECES = "[...document.querySelectorAll('#pieces li')].map(one => one.textContent).join()"


def set_to(label: str, value: str) -> str:
    """JavaScript that puts a value into the field of that label, as a visitor would."""
    field = f"document.querySelector('#fields [aria-label={json.dumps(label)}]')"
    bubbles = "{bubbles: true}"
    return (
        f"{field}.value = {json.dumps(value)};"
        f"{field}.dispatchEvent(new Event('input', {bubbles})); true"
    )


def received(browser: Browser, order: dict[str, object]) -> bool:
    """Whether the model was given this order, sooner or later."""
    said = f"Object.entries(JSON.parse({ANSWER} || '{{}}').received ?? {{}}).sort()"
    wanted = json.dumps(sorted(map(list, order.items())), separators=(",", ":"))
    return browser.find(f"JSON.stringify({said}) === {json.dumps(wanted)}")


WHOLE = {
    "article": "desk",
    "count": 2,
    "gift": False,
    "size": "small",
    "point": [0.25, [], 0.5],
    "tags": ["oak", "new"],
    "codes": {},
}


@pytest.mark.slow
@pytest.mark.browser
class TestModels:
    def test_an_example_is_asked_and_scores_are_bars(self, browser: Browser, orders: str) -> None:
        browser.open(f"{orders}/playground")
        assert received(browser, WHOLE)
        assert browser.find(f"{STILL} && {SCORES}") == "0.80,0.20"
        assert browser.find(TOP) == "on time"
        assert browser.find("document.querySelector('h1').textContent") == NAME
        assert browser.find("document.querySelector('#version').textContent") == "version 4"
        assert browser.find(f"{EFFORT}.endsWith(' ms by orders:4')")
        assert browser.complaints == []

    def test_every_field_is_read_as_its_schema_says(self, browser: Browser, orders: str) -> None:
        browser.open(f"{orders}/playground")
        browser.find(CONNECTED)
        browser.find(set_to("Weight Kg", "1.5"))
        browser.find(set_to("X", "0.75"))
        browser.find(set_to("Codes", '{"a": 1}'))
        browser.find("document.querySelector('#fields [type=checkbox]').click() ?? true")
        browser.find("document.querySelector('[aria-label=Remove]').click() ?? true")
        browser.find("document.querySelector('legend input').click() ?? true")
        for label, chosen in {"Insured": 2, "Size": 1}.items():
            field = f"document.querySelector('[aria-label={label}]')"
            browser.find(f"{field}.selectedIndex = {chosen}")
        browser.find(set_to("City", "Ulm"))
        wanted = WHOLE | {"gift": True, "size": "large", "point": [0.75, [], 0.5], "tags": ["new"]}
        wanted |= {"codes": {"a": 1}, "weight_kg": 1.5, "insured": False, "place": {"city": "Ulm"}}
        assert received(browser, wanted)
        assert browser.complaints == []

    def test_what_is_no_valid_input_is_not_asked(self, browser: Browser, orders: str) -> None:
        browser.open(f"{orders}/playground")
        assert received(browser, WHOLE)
        for label, wrong in {"Count": "0", "Codes": "{", "Article": ""}.items():
            browser.find(set_to(label, wrong))
            assert browser.value("question.open") is False
        assert browser.find("document.querySelectorAll('#fields :invalid').length") == 3

    def test_another_example_fills_the_form(self, browser: Browser, orders: str) -> None:
        browser.open(f"{orders}/playground")
        browser.find(CONNECTED)
        browser.find("document.querySelectorAll('#examples button')[1].click() ?? true")
        lamp = {"article": "lamp", "count": 1, "place": {"city": "Ulm"}, "tags": []}
        assert received(browser, WHOLE | lamp)

    def test_a_number_is_asked_on_a_button_alone(self, browser: Browser, orders: str) -> None:
        browser.open(f"{orders}/playground#square")
        browser.find(f"{CONNECTED} && document.querySelector('#model').textContent === 'square'")
        browser.find("document.querySelector('#live').click() ?? true")
        browser.type("12")
        assert browser.value(ANSWER) == ""
        browser.find("document.querySelector('#question .main').click() ?? true")
        assert browser.find(VERDICT) == "144"

    def test_a_stream_shows_each_answer(self, browser: Browser, orders: str) -> None:
        browser.open(f"{orders}/playground")
        browser.find("[...document.querySelectorAll('#models button')].at(-1).click() ?? true")
        browser.find(f"{CONNECTED} && document.querySelector('#model').textContent === 'guess'")
        browser.type("the quick fox")
        # The last letters are asked about too, while the answer to "the quick f" is shown.
        browser.find("!question.open && question.text.includes('the quick fox')")
        assert browser.find(EFFORT).startswith("3 answers in ")
        assert browser.find(PIECES) == '{"words":1},{"words":2},{"words":3}'
        assert browser.find(ANSWER) == '{\n  "words": 3\n}'
        assert browser.find(VERDICT) == "words: 3"
        assert browser.complaints == []

    def test_a_refusal_is_shown_until_the_next_answer(self, browser: Browser, orders: str) -> None:
        browser.open(f"{orders}/playground#guess")
        browser.find(CONNECTED)
        browser.find(set_to("Text", "x" * 10_001))
        assert "text: String should have at most 10000 characters" in browser.find(PROBLEM)
        browser.find(set_to("Text", "the house"))
        browser.find(f"!{PROBLEM} && {ANSWER}")
        assert browser.complaints == []

    def test_a_dropped_socket_is_opened_again(self, browser: Browser, orders: str) -> None:
        browser.open(f"{orders}/playground#guess")
        browser.find(CONNECTED)
        browser.value("socket.close()")
        browser.find(f"!({CONNECTED})")
        browser.type("the house")
        browser.find(f"{CONNECTED} && {ANSWER}")


@pytest.mark.serve
@pytest.mark.browser
@pytest.mark.parametrize("prefix", ["", pytest.param("/inline", marks=INLINE)])
def test_over_serve_one_types_and_is_answered(browser: Browser, service: str, prefix: str) -> None:
    browser.open(f"{service}{prefix}/playground")
    browser.find(CONNECTED)
    browser.type("Der frühe Vogel fängt den Wurm.")
    browser.find(f"{EFFORT}.startsWith('6 answers in ') && {STILL}")
    assert '"de"' in browser.find(ANSWER)
    assert browser.complaints == []
