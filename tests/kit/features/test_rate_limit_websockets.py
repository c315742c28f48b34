"""The features `rate_limit` and `websockets` together, a conversation is many questions."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from httpx2.websockets import WebSocketUpgradeError
from starlette.testclient import WebSocketDenialResponse

from servekit.api.settings import ApiSettings
from servekit.contracts import CHAMPION, TooManyStreamsError
from servekit.features.rate_limit import rate_limit
from servekit.features.rate_limit.settings import RateLimitSettings
from servekit.features.websockets import websockets
from servekit.testing.cluster import UrlOf

from acme_service import SLUG

from tests.applications.rate_limit import NAME
from tests.audit_lines import audit_lines
from tests.fakes import FakeDetector, create_app, fake_ports

LIMIT = 5


@pytest.mark.serve
@pytest.mark.application(NAME)
def test_a_socket_too_many_is_refused_with_a_429(url_of: UrlOf) -> None:
    limited = url_of(NAME)
    url = limited.replace("http", "ws", 1) + "/v1/detect/ws"
    headers = {"X-Forwarded-For": "192.0.2.77"}
    with httpx2.Client(timeout=30) as client:
        for _ in range(LIMIT):
            client.get(f"{limited}/v1/languages", headers=headers)
        refused = pytest.raises(WebSocketUpgradeError)
        with refused as error, client.websocket(url, headers=headers):
            pass
    response = error.value.response
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) > 0
    assert response.headers["ratelimit-remaining"] == "0"


def test_a_text_too_many_is_an_error_and_the_socket_stays_open() -> None:
    limiting = rate_limit(RateLimitSettings(models="3/day"), service=SLUG)
    client = TestClient(create_app(fake_ports(), [limiting, websockets()]))
    with audit_lines() as lines, client.websocket_connect("/v1/detect/ws") as socket:
        kinds = []
        for _ in range(4):
            socket.send_json({"text": "fine"})
            while (answer := socket.receive_json())["type"] == "prediction":
                continue
            kinds.append((answer["type"], answer.get("title")))
    assert kinds == [("done", None)] * 2 + [("error", "Too Many Requests")] * 2
    # A flood over a socket has a name and an address.
    assert [(one["event"], one["status"], one["path"]) for one in lines.found] == [
        ("refusal", 429, "/v1/detect/ws")
    ] * 2
    assert lines.found[0].keys() >= {"address", "request_id"}


def test_a_stream_too_many_of_one_caller_is_in_the_audit_trail() -> None:
    class Full(FakeDetector):
        async def predict(self, item: Any, version: str = CHAMPION) -> Any:
            raise TooManyStreamsError("too many")

        async def stream(self, item: Any, version: str = CHAMPION) -> AsyncIterator[Any]:
            yield await self.predict(item, version)

    client = TestClient(create_app(fake_ports(language=Full()), [websockets()]))
    with audit_lines() as lines, client.websocket_connect("/v1/detect/ws") as socket:
        socket.send_json({"text": "fine"})
        assert socket.receive_json()["status"] == 429
    assert [one["status"] for one in lines.found] == [429]


def test_callers_behind_a_trusted_proxy_have_shares_of_their_own() -> None:
    settings = ApiSettings(max_streams_per_caller=1, trusted_hops=1)
    client = TestClient(create_app(fake_ports(), [websockets()], settings=settings))
    one, other = ({"X-Forwarded-For": f"192.0.2.{number}"} for number in (1, 2))
    with client.websocket_connect("/v1/detect/ws", headers=one):
        with client.websocket_connect("/v1/detect/ws", headers=other):
            pass
        refused = pytest.raises(WebSocketDenialResponse)
        with refused as error, client.websocket_connect("/v1/detect/ws", headers=one):
            pass
    assert error.value.status_code == 429
