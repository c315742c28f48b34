"""The feature `rate_limit`, counting in memory."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn
from fastapi import APIRouter, WebSocket
from fastapi.testclient import TestClient
from httpx2 import Response
from starlette.requests import HTTPConnection
from starlette.testclient import WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from servekit.api import Feature
from servekit.api.client_address import address_of, site_of
from servekit.api.errors import ProblemError
from servekit.api.principal import Principal
from servekit.api.quota import quota_of
from servekit.commands.launcher.environment import prepare_environment
from servekit.features.rate_limit import gcra as limiter
from servekit.features.rate_limit import rate_limit
from servekit.features.rate_limit.gcra import MemoryLimiter
from servekit.features.rate_limit.limits import Limit, limit_of
from servekit.features.rate_limit.settings import RateLimitSettings
from servekit.settings import SettingsError
from servekit.testing.fakes import FakeMeter

from acme_service import SLUG
from acme_service import features as wiring

from tests.fakes import create_app, fake_ports
from tests.unexpected import PATHS, SOCKETS, router

TEXT = {"text": "fine"}


async def knows_callers(connection: HTTPConnection) -> None:
    """Stands for a guard that finds out who is asking, and refuses who is not known."""
    name = connection.headers.get("authorization")
    if name == "wrong":
        raise ProblemError(401, "Who are you?")
    if name:
        connection.scope["state"]["caller"] = Principal(name)


def signing_in() -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/token")
    async def token() -> str:
        return "signed in"

    return router


def sockets() -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.websocket("/talk")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        async for _ in socket.iter_text():
            try:
                await quota_of(socket)()
            except ProblemError as refused:
                await socket.send_text(f"{refused.status}: {refused.detail}")
            else:
                await socket.send_text("granted")

    return router


@pytest.fixture(autouse=True)
def _a_second_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or answers would say less than a whole interval where the machine is busy."""
    monkeypatch.setattr(limiter, "monotonic", lambda: 1_000_000.0)


class Service:
    """A service with a limit of three requests a day and one sign-in, unless said otherwise."""

    def __init__(self, trusted_hops: int = 0, **settings: Any) -> None:
        chosen = RateLimitSettings.model_validate(
            {"models": "3/day", "sign_in": "1/day"} | settings
        )
        limiting = rate_limit(chosen, service=SLUG, trusted_hops=trusted_hops)
        identifying = Feature(
            name="callers",
            guards=[knows_callers],
            credentials=["Authorization", "X-API-Key"],
            sign_in_routers=[signing_in()],
        )
        talking = Feature(name="talking", model_routers=[sockets()])
        self.ports = fake_ports()
        self.app = create_app(self.ports, [identifying, limiting, talking])
        self.client = TestClient(self.app)

    def ask(self, **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post("/v1/detect", json=TEXT, headers=named)

    def statuses(self, count: int, **headers: str) -> list[int]:
        return [self.ask(**headers).status_code for _ in range(count)]

    @contextmanager
    def socket(self, **headers: str) -> Iterator[WebSocketTestSession]:
        with self.client.websocket_connect("/v1/talk", headers=headers) as socket:
            yield socket


def said(socket: WebSocketTestSession, text: str = "a question") -> str:
    socket.send_text(text)
    return socket.receive_text()


def test_it_is_enabled() -> None:
    assert "rate_limit" in [feature.name for feature in wiring.features()]


def test_requests_are_counted_after_all_other_guards() -> None:
    guarding = [feature.name for feature in wiring.features() if feature.guards]
    assert guarding[-1] == "rate_limit"


def test_every_answer_says_what_is_left() -> None:
    service = Service()
    left = [service.ask().headers["ratelimit-remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    headers = service.ask().headers
    assert headers["ratelimit-limit"] == "3"
    assert headers["ratelimit-reset"] == str(24 * 3600)


def test_one_too_many_is_a_problem_that_says_when_to_come_back() -> None:
    service = Service()
    service.statuses(3)
    response = service.ask()
    assert response.status_code == 429
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["retry-after"] == str(8 * 3600)
    assert response.headers["ratelimit-remaining"] == "0"
    problem = response.json()
    assert problem["title"] == "Too Many Requests"
    assert problem["detail"] == "Too many requests: the next is possible in 28800 s."
    assert problem["request_id"]


def test_a_refused_request_reaches_no_model_and_is_counted() -> None:
    service = Service()
    service.statuses(5)
    assert isinstance(service.ports.meter, FakeMeter)
    assert len(service.ports.models["language"].asked) == 3
    refused = ("rate_limit_refused_total", frozenset({("group", "models")}))
    assert service.ports.meter.counts[refused] == 2


def test_all_routes_and_methods_share_one_limit() -> None:
    service = Service()
    assert service.ask().is_success
    assert service.client.post("/v1/detect/batch", json={"items": [{"text": "a"}]}).is_success
    assert service.client.get("/v1/languages").is_success
    assert service.client.get("/v1/languages").status_code == 429


@pytest.mark.parametrize("path", PATHS)
def test_routes_anywhere_are_limited(path: str) -> None:
    service = Service()
    service.app.include_router(router())
    asked = [service.client.get(path) for _ in range(4)]
    assert [one.status_code for one in asked] == [200, 200, 200, 429]
    assert asked[0].headers["ratelimit-remaining"] == "2"
    named = [service.client.get(path, headers={"authorization": "ada"}) for _ in range(4)]
    assert [one.status_code for one in named] == [200, 200, 200, 429]
    assert service.ask().status_code == 429, "They share the limit of all models."


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("headers", [{}, {"authorization": "ada"}], ids=["nameless", "named"])
def test_sockets_anywhere_are_limited(path: str, headers: dict[str, str]) -> None:
    service = Service()
    service.app.include_router(router())
    for _ in range(3):
        with service.client.websocket_connect(path, headers=headers):
            pass
    refused = pytest.raises(WebSocketDenialResponse)
    with refused as error, service.client.websocket_connect(path, headers=headers):
        pass
    assert error.value.status_code == 429


def test_an_open_route_is_limited_and_the_service_is_not() -> None:
    page = APIRouter()

    @page.get("/page")
    async def shown() -> str:
        return "shown"

    limiting = rate_limit(RateLimitSettings(models="2/day"), service=SLUG)
    client = TestClient(create_app(fake_ports(), [limiting, Feature(name="page", routers=[page])]))
    assert [client.get("/page").status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/health/live").is_success


def test_pages_about_the_service_are_not_limited() -> None:
    service = Service()
    service.statuses(4)
    for path in ("/", "/health/live", "/health/ready", "/openapi.json"):
        response = service.client.get(path)
        assert response.is_success
        assert "ratelimit-limit" not in response.headers


def test_a_principal_has_a_limit_of_their_own_wherever_they_are() -> None:
    service = Service(trusted_hops=1)
    assert service.statuses(4, authorization="ada", x_forwarded_for="192.0.2.1") == [200] * 3 + [
        429
    ]
    assert service.ask(authorization="ada", x_forwarded_for="192.0.2.2").status_code == 429
    assert service.ask(authorization="bob", x_forwarded_for="192.0.2.1").is_success
    assert service.ask(x_forwarded_for="192.0.2.1").is_success
    refused = service.ask(authorization="ada")
    assert refused.headers["retry-after"] == str(8 * 3600)
    assert refused.json()["status"] == 429


def test_anonymous_floods_do_not_block_authenticated_callers() -> None:
    service = Service()
    service.statuses(4)
    assert service.ask(authorization="ada").is_success


def test_credentials_that_name_nobody_make_no_difference() -> None:
    service = Service()
    headers = [{"x_api_key": "made up"}, {}, {"x_api_key": "another"}, {"x_api_key": "a third"}]
    assert [service.ask(**one).status_code for one in headers] == [200, 200, 200, 429]


def test_wrong_credentials_count_by_address_and_block_no_user() -> None:
    service = Service()
    assert service.statuses(5, authorization="wrong") == [401] * 3 + [429] * 2
    refused = service.ask(authorization="wrong")
    assert refused.headers["retry-after"] == str(8 * 3600)
    assert refused.json()["title"] == "Too Many Requests"
    assert service.ask().status_code == 429
    assert service.ask(authorization="ada").is_success


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/detect", b"{ no json", 422),
        ("GET", "/v1/nothing", b"", 404),
        ("DELETE", "/v1/detect", b"", 405),
        ("GET", "/v1/token", b"", 405),
        ("POST", "/v1/detect", b"a" * 5_000_000, 413),
    ],
)
@pytest.mark.parametrize("credentials", ["made up", None], ids=["with credentials", "without"])
def test_requests_that_end_before_the_guards_count_too(
    method: str, path: str, body: bytes, status: int, credentials: str | None
) -> None:
    service = Service()
    headers = {"content-type": "application/json"}
    if credentials:
        headers["authorization"] = credentials
    asked = [service.client.request(method, path, content=body, headers=headers) for _ in range(4)]
    assert [one.status_code for one in asked] == [status] * 3 + [429]
    assert [one.headers["ratelimit-remaining"] for one in asked] == ["2", "1", "0", "0"]
    assert asked[-1].json()["title"] == "Too Many Requests"
    assert service.ask(authorization="ada").is_success


def test_a_socket_that_is_never_opened_counts_too() -> None:
    service = Service()
    named = {"authorization": "ada"}
    for path in ("/v1/nothing", "/v1/nothing", "/v1/token"):
        with (
            pytest.raises(WebSocketDisconnect),
            service.client.websocket_connect(path, headers=named),
        ):
            pass
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        service.client.websocket_connect("/v1/nothing", headers=named),
    ):
        pass
    assert refused.value.status_code == 429


def test_the_refusal_is_documented() -> None:
    paths = Service().client.get("/openapi.json").json()["paths"]
    assert "429" in paths["/v1/detect"]["post"]["responses"]


def test_nameless_callers_are_refused_before_anything_is_read() -> None:
    service = Service()
    service.statuses(3)
    response = service.client.post("/v1/detect", content=b"{ no json")
    assert response.status_code == 429


def test_signing_in_is_limited_by_address_whoever_asks() -> None:
    service = Service()
    post = service.client.post
    assert post("/v1/token", headers={"authorization": "ada"}).is_success
    assert post("/v1/token", headers={"authorization": "bob"}).status_code == 429
    assert service.ask().is_success, "It has a limit of its own."


def test_what_cannot_sign_in_does_not_count_as_signing_in() -> None:
    service = Service()
    assert service.client.get("/v1/token").status_code == 405
    assert service.client.post("/v1/token").is_success


def test_a_socket_is_limited_too() -> None:
    service = Service()
    with service.socket() as socket:
        assert (b"ratelimit-remaining", b"2") in (socket.extra_headers or [])
    service.statuses(2)
    with pytest.raises(WebSocketDenialResponse) as refused, service.socket():
        pass
    assert refused.value.status_code == 429
    assert refused.value.headers["retry-after"] == str(8 * 3600)
    assert refused.value.json()["status"] == 429
    with service.socket(authorization="ada"):
        pass


@pytest.mark.parametrize("headers", [{}, {"authorization": "ada"}], ids=["nameless", "named"])
def test_every_question_over_a_socket_counts(headers: dict[str, str]) -> None:
    service = Service()
    with service.socket(**headers) as socket:
        answers = [said(socket) for _ in range(4)]
    refused = "429: Too many requests: the next is possible in 28800 s."
    assert answers == ["granted", "granted", refused, refused]
    assert service.ask(**headers).status_code == 429


def test_none_lifts_a_limit() -> None:
    service = Service(models="none", sign_in="none")
    assert service.statuses(20) == [200] * 20
    assert service.statuses(20, authorization="ada") == [200] * 20
    assert "ratelimit-limit" not in service.ask().headers


def test_below_a_prefix_the_same_routes_are_limited() -> None:
    client = TestClient(Service().app, root_path="/inline")
    asked = [client.post("/inline/v1/detect", json=TEXT).status_code for _ in range(4)]
    assert asked == [200, 200, 200, 429]


def scope(*forwarded: str, client: str | None = "198.51.100.7") -> dict[str, Any]:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return {"headers": headers, "client": (client, 4711) if client else None}


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, ["203.0.113.9"], "198.51.100.7"),
        (1, ["203.0.113.9"], "203.0.113.9"),
        (1, ["10.0.0.1, 203.0.113.9"], "203.0.113.9"),
        (2, ["10.0.0.1, 203.0.113.9 ,192.0.2.1"], "203.0.113.9"),
        (2, ["10.0.0.1", "203.0.113.9", "192.0.2.1"], "203.0.113.9"),
        (2, ["203.0.113.9"], "198.51.100.7"),
        (1, [], "198.51.100.7"),
        (1, ["203.0.113.9:4711"], "203.0.113.9"),
        (1, ["2001:0db8:1:2:3:4:5:6"], "2001:db8:1:2:3:4:5:6"),
        (1, ["[2001:db8:1:2::9]:4711"], "2001:db8:1:2::9"),
        (1, ["fe80::1%eth0"], "fe80::1"),
        (1, ["::ffff:203.0.113.9"], "203.0.113.9"),
        (1, ["somebody"], "unknown"),
        (1, [", "], "unknown"),
        (1, ["9" * 5000], "unknown"),
    ],
)
def test_the_address_is_what_the_outermost_trusted_proxy_has_seen(
    hops: int, forwarded: list[str], address: str
) -> None:
    assert address_of(scope(*forwarded), hops) == address


def test_addresses_of_one_ipv6_site_are_counted_together() -> None:
    assert site_of("2001:db8:1:2:3:4:5:6") == site_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert site_of("203.0.113.9") == "203.0.113.9"
    service = Service(trusted_hops=1)
    for number in range(3):
        assert service.ask(x_forwarded_for=f"2001:db8::{number}").is_success
    assert service.ask(x_forwarded_for="2001:db8::9").status_code == 429


def test_without_a_peer_the_address_is_unknown() -> None:
    assert address_of(scope(client=None), 0) == "unknown"


def test_a_forged_address_changes_nothing() -> None:
    trusting_none, trusting_one = Service(), Service(trusted_hops=1)
    for number in range(3):
        assert trusting_none.ask(x_forwarded_for=f"192.0.2.{number}").is_success
        assert trusting_one.ask(x_forwarded_for=f"192.0.2.{number}, 203.0.113.9").is_success
    assert trusting_none.ask(x_forwarded_for="192.0.2.9").status_code == 429
    assert trusting_one.ask(x_forwarded_for="192.0.2.9, 203.0.113.9").status_code == 429


def test_uvicorn_under_serve_trusts_no_forged_address(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # HAProxy asks from 127.0.0.1, which uvicorn believes unless the fast profile says otherwise.
    environment = {"PROXY": "python"}
    prepare_environment(project / "deploy" / "serve.env", tmp_path, environment)
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", environment["FORWARDED_ALLOW_IPS"])
    # Starlette and uvicorn have types of their own for the same ASGI.
    uvicorns: Any = uvicorn.Config(cast("Any", Service().app), lifespan="off", log_config=None)
    uvicorns.load()
    asking = TestClient(uvicorns.loaded_app, client=("127.0.0.1", 4711))
    addresses = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(4)]
    asked = [asking.get("/v1/languages", headers=one).status_code for one in addresses]
    assert asked == [200] * 3 + [429]


def test_the_log_says_that_nameless_callers_share_one_bucket(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Service(trusted_hops=1).client:
        assert "share one bucket" not in caplog.text
    with Service().client:
        assert "API_TRUSTED_HOPS is 0" in caplog.text
        assert "anonymous callers share one bucket, and all sign-ins another" in caplog.text


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(limiter, "monotonic", lambda: now[0])
    return now


def passes(memory: MemoryLimiter, limit: Limit, tries: int, caller: str = "a") -> int:
    return sum(memory.hit(caller, limit).passes for _ in range(tries))


def test_after_a_pause_as_many_pass_as_have_become_possible(clock: list[float]) -> None:
    memory, limit = MemoryLimiter(), Limit(10, 60)
    assert passes(memory, limit, 20) == 10
    clock[0] += memory.hit("a", limit).wait_s
    assert passes(memory, limit, 5) == 1
    clock[0] += 30
    assert passes(memory, limit, 20) == 5
    clock[0] += 3600
    assert passes(memory, limit, 20) == 10


@pytest.mark.parametrize("text", ["1/second", "3/second", "7/minute", "1000/hour", "999999/day"])
def test_exactly_the_amount_passes_at_once(clock: list[float], text: str) -> None:
    limit = limit_of(text)
    assert limit
    tries = min(limit.amount, 2000) + 1
    clock[0] = 1e6 + 0.1
    assert passes(MemoryLimiter(), limit, tries) == min(limit.amount, tries)


def test_callers_who_owe_nothing_are_forgotten(clock: list[float]) -> None:
    memory, limit = MemoryLimiter(), Limit(10, 1)
    for number in range(20_000):
        clock[0] += 0.01
        memory.hit(str(number), limit)
    assert len(memory) < 3000


def test_memory_is_bounded_even_when_all_owe(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "MAX_CALLERS", 100)
    memory, limit = MemoryLimiter(), Limit(1, 86_400)
    for number in range(20_000):
        memory.hit(str(number), limit)
    assert len(memory) < 3000
    assert not memory.hit("19999", limit).passes


@pytest.mark.parametrize("amount", [1, 1_000_000], ids=["refused", "let in"])
def test_an_active_caller_keeps_its_count(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, amount: int
) -> None:
    monkeypatch.setattr(limiter, "MAX_CALLERS", 100)
    memory, limit = MemoryLimiter(), Limit(amount, 86_400)
    memory.hit("busy", limit)
    passed = 0
    for number in range(5000):
        passed += passes(memory, limit, 1, "busy")
        memory.hit(str(number), limit)
    assert passed == min(5000, amount - 1)
    owed_s = memory.hit("busy", limit).full_s
    assert owed_s == pytest.approx(min(5002, amount) * limit.interval_s)


async def test_concurrent_requests_are_counted_one_by_one() -> None:
    counting, limit = limiter.Limiter(), Limit(10, 3600)
    verdicts = await asyncio.gather(*(counting.hit("a", limit) for _ in range(50)))
    assert sum(verdict.passes for verdict in verdicts) == 10


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("RATE_LIMIT_URL", "http://x", "RATE_LIMIT_URL: the address of a Redis, such as redis://"),
        ("RATE_LIMIT_MODELS", "lots", "RATE_LIMIT_MODELS: a limit is written 100/second"),
        ("RATE_LIMIT_MODELS", "0/second", "RATE_LIMIT_MODELS: a limit is written 100/second"),
        ("RATE_LIMIT_SIGN_IN", "1/fortnight", "RATE_LIMIT_SIGN_IN: a limit is written 100/second"),
        ("API_TRUSTED_HOPS", "-1", "API_TRUSTED_HOPS: input should be greater"),
        ("RATE_LIMIT_TIMEOUT_S", "soon", "RATE_LIMIT_TIMEOUT_S: input should be a valid number"),
    ],
)
def test_a_malformed_setting_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=sentence):
        rate_limit(service=SLUG)
