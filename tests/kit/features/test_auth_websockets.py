"""Who is behind a WebSocket: the header of programs, and the subprotocol of browsers."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from httpx2.websockets import WebSocketSession, WebSocketUpgradeError
from starlette.testclient import WebSocketDenialResponse

from servekit.api import Feature
from servekit.features.auth import auth
from servekit.features.websockets import websockets
from servekit.testing.cluster import INLINE
from servekit.testing.features.auth import HEADERS, KEY, NAME, PASSWORD, knowing, token

from acme_service import SLUG

from .websockets_orders import running
from tests.browser import Browser, chromium
from tests.fakes import create_app, fake_ports

DETECT = "/v1/detect/ws"


@cache
def client() -> TestClient:
    return TestClient(create_app(fake_ports(), [auth(service=SLUG), websockets()]))


def chosen(
    subprotocols: list[str] | None = None, headers: dict[str, str] | None = None
) -> str | None:
    """Which subprotocol the socket answers, once it has answered a question too."""
    with client().websocket_connect(DETECT, subprotocols, headers={**(headers or {})}) as socket:
        socket.send_json({"text": "fine"})
        assert [socket.receive_json()["type"] for _ in range(2)] == ["prediction", "done"]
        return socket.accepted_subprotocol


def test_a_program_sends_the_header() -> None:
    assert chosen(headers={"Authorization": f"Bearer {token()}"}) is None
    assert chosen(headers=HEADERS) is None


def test_a_browser_sends_a_subprotocol_and_is_answered_with_it() -> None:
    assert chosen(["bearer", token()]) == "bearer"


def test_a_browser_may_send_a_key_too() -> None:
    assert chosen(["key", KEY.secret]) == "key"


def test_a_header_counts_before_a_subprotocol() -> None:
    headers = {"Authorization": f"Bearer {token()}"}
    assert chosen(["bearer", "wrong"], headers) == "bearer"


@pytest.mark.parametrize(
    "offered",
    [
        pytest.param(None, id="nothing"),
        pytest.param(["bearer"], id="no token"),
        pytest.param(["bearer", "wrong"], id="a wrong token"),
        pytest.param(["bearer", KEY.secret], id="a key as a token"),
        pytest.param(["key"], id="no key"),
        pytest.param(["key", "wrong"], id="a wrong key"),
        pytest.param(["key", token()], id="a token as a key"),
        pytest.param(["bearer", ""], id="an empty token"),
        pytest.param(["bearer", "x" * 8000], id="a long token"),
        pytest.param([token(), "bearer"], id="the other way round"),
        pytest.param(["Bearer", token()], id="a capital letter"),
        pytest.param(["other", "bearer", token()], id="something before"),
    ],
)
def test_unauthenticated_sockets_are_refused_before_opening(offered: list[str] | None) -> None:
    with pytest.raises(WebSocketDenialResponse) as refused:
        chosen(offered)
    assert refused.value.status_code == 401
    assert refused.value.headers["content-type"] == "application/problem+json"


def test_a_token_without_the_scope_is_refused() -> None:
    with pytest.raises(WebSocketDenialResponse) as refused:
        chosen(["bearer", token("admin")])
    assert refused.value.status_code == 403


def test_a_token_in_the_address_is_none() -> None:
    with pytest.raises(WebSocketDenialResponse):
        client().websocket_connect(f"{DETECT}?token={token()}").__enter__()


def ways_in(*features: Feature) -> dict[str, str]:
    """What the page is told of the ways to sign in."""
    served = TestClient(create_app(fake_ports(), [*features, websockets()])).get("/playground")
    return dict(re.findall(r' data-([\w-]+)="([^"]*)"', served.text.partition("<header>")[0]))


def test_the_page_offers_the_ways_to_sign_in_that_there_are() -> None:
    every = {"required": "True", "token-path": "v1/token", "key-header": "X-API-Key"}
    assert ways_in(auth(service=SLUG)) == every
    keys = auth(service=SLUG, settings=knowing(api_keys=KEY.entry))
    assert ways_in(keys) == every | {"token-path": ""}
    assert ways_in() == {"required": "False", "token-path": "", "key-header": ""}


@contextmanager
def over_serve(url: str, **options: Any) -> Iterator[WebSocketSession]:
    address = url.replace("http", "ws", 1) + DETECT
    with httpx2.Client(timeout=30) as one, one.websocket(address, **options) as socket:
        yield socket


@pytest.mark.serve
@pytest.mark.parametrize("prefix", ["", pytest.param("/inline", marks=INLINE)])
def test_over_serve_a_subprotocol_lets_in_and_nothing_else_does(service: str, prefix: str) -> None:
    with over_serve(service + prefix, subprotocols=["bearer", token()]) as socket:
        assert socket.subprotocol == "bearer"
        socket.send_json({"text": "Das ist ein Tag"})
        assert socket.receive_json(30)["type"] == "prediction"
    for subprotocols in (None, ["bearer", "wrong"]):
        with (
            pytest.raises(WebSocketUpgradeError) as refused,
            over_serve(service + prefix, subprotocols=subprotocols),
        ):
            pass
        assert refused.value.response.status_code == 401


@pytest.mark.slow
@pytest.mark.browser
def test_in_a_browser_one_signs_in_and_is_remembered(tmp_path: Path) -> None:
    state = "document.querySelector('#connection').textContent"
    refused = "document.querySelector('#refused').textContent"
    submit = "document.querySelector('#password').requestSubmit()"
    with (
        running(auth(service=SLUG)) as service,
        Browser(chromium(), tmp_path, remembered={}) as browser,
    ):
        browser.open(f"{service}/playground#guess")
        browser.find(f"{state} === 'Signed out'")
        browser.type(NAME)
        browser.value("document.querySelector('[name=password]').focus()")
        browser.type("wrong")
        browser.value(submit)
        browser.find(f"{refused} === 'The name or the password is wrong.'")
        browser.complaints.clear()  # Chromium logs the 401.
        browser.value("document.querySelector('[name=password]').value = ''")
        browser.type(PASSWORD)
        browser.value(submit)
        browser.find(f"{state} === 'Connected'")
        browser.type("the quick fox")
        browser.find("document.querySelector('#verdict').textContent === 'words: 3'")
        browser.value("window.before = true; location.reload()")
        browser.find(f"!window.before && {state} === 'Connected'")
        browser.value("document.querySelector('#sign-out').click()")
        browser.find(f"{state} === 'Signed out'")
        browser.value("document.querySelector('#credential').focus()")
        browser.type(KEY.secret)
        browser.value("document.querySelector('#paste').requestSubmit()")
        browser.find(f"{state} === 'Connected'")
        browser.type("fox")
        browser.find("document.querySelector('#verdict').textContent === 'words: 1'")
        assert browser.complaints == []
        # One whom the service does not let in is told so, and asked again.
        browser.value("document.querySelector('#sign-out').click()")
        browser.value("document.querySelector('#credential').focus()")
        browser.type("wrong")
        browser.value("document.querySelector('#paste').requestSubmit()")
        browser.find(f"{refused} === 'A valid token or key is needed.' && {state} === 'Signed out'")
