"""The door `grpc` without Ray: a real client, gRPC's own server, and the API behind it."""

import asyncio
import pickle
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import yaml
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from grpc import StatusCode
from grpc.aio import AioRpcError
from grpc_health.v1.health_pb2 import DESCRIPTOR as HEALTH
from grpc_health.v1.health_pb2 import (
    HealthCheckRequest,
    HealthCheckResponse,
    HealthListRequest,
)
from ray.serve.config import gRPCOptions
from ray.serve.schema import gRPCOptionsSchema
from starlette.requests import HTTPConnection

from servekit.api import Feature
from servekit.api.errors import ProblemError
from servekit.commands import serve
from servekit.contracts import (
    CHAMPION,
    ModelError,
    ModelOverloadedError,
    ModelReplacedError,
    ModelTimeoutError,
    ModelUnavailableError,
    Prediction,
)
from servekit.testing.configurations import own
from servekit.testing.subprocesses import free_port

from acme_service.app import WIRING
from acme_service.contracts.language import Detection, Query
from acme_service.features import transports
from acme_service.grpc import grpc
from acme_service.grpc.calls import address_of
from acme_service.grpc.methods import DetectStream
from acme_service.grpc.protos.language.v1.detector_pb2 import (
    DESCRIPTOR,
    DetectRequest,
    DetectResponse,
    Model,
)
from acme_service.grpc.routes import DETECT, DETECT_STREAM
from acme_service.grpc.servicers import health, language_detector

from .grpc_callers import Client, in_process, refusal
from tests.fakes import (
    CARD,
    FailingDetector,
    FakeDetector,
    StuckDetector,
    create_app,
    detection,
    fake_ports,
)

TEXT = DetectRequest(text="a b c")
METHODS = ["detect", "detect_stream"]


def api_of(detector: FakeDetector, *features: Feature) -> FastAPI:
    return create_app(fake_ports(detector), [*features, grpc().feature])


@pytest.fixture
def detector() -> FakeDetector:
    return FakeDetector()


@pytest.fixture
async def caller(detector: FakeDetector) -> AsyncIterator[Client]:
    async with in_process(api_of(detector)) as caller:
        yield caller


async def test_an_answer_holds_the_best_few_and_the_model(caller: Client) -> None:
    answer = await caller.detect(DetectRequest(text="a", top=2))
    assert isinstance(answer, DetectResponse)
    assert (answer.language, answer.score) == ("en", 0.75)
    assert [(one.language, one.score) for one in answer.candidates] == [("en", 0.75), ("de", 0.2)]
    assert answer.model == Model(name=CARD.name, version=CARD.version)
    assert len((await caller.detect(TEXT)).candidates) == 3


async def test_a_text_without_letters_is_undetermined(caller: Client) -> None:
    answer = await caller.detect(DetectRequest(text="1 2 3"))
    assert (answer.language, answer.score, [*answer.candidates]) == ("und", 0, [])


async def test_the_model_is_asked_what_the_caller_asks(
    caller: Client, detector: FakeDetector
) -> None:
    asks = DetectRequest(
        text="ä", allowed_languages=["fr", "de", "fr"], preferred_languages=["it", "de"]
    )
    await caller.detect(asks)
    assert detector.asked == [Query("ä", ("de", "fr"), ("it", "de"))]


async def test_a_guess_for_every_word(caller: Client, detector: FakeDetector) -> None:
    guesses = [guess async for guess in caller.detect_stream(TEXT)]
    assert [one.language for one in guesses] == ["en", "en", "en"]
    assert [query.text for query in detector.asked] == ["a", "a b", "a b c"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("asks", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "ä" * 10_001}, "text"),
        ({"text": "a", "top": 0}, "top"),
        ({"text": "a", "top": 11}, "top"),
        ({"text": "a", "top": -1}, "top"),
        ({"text": "a", "allowed_languages": ["English"]}, "allowed_languages"),
        ({"text": "a", "preferred_languages": ["en"] * 65}, "preferred_languages"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(
    caller: Client, detector: FakeDetector, method: str, asks: dict[str, Any], field: str
) -> None:
    error = await refusal(getattr(caller, method)(DetectRequest(**asks)))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert (error.details() or "").startswith(f"{field}: ")
    assert detector.asked == []


async def test_the_longest_text_is_answered(caller: Client) -> None:
    assert (await caller.detect(DetectRequest(text="ä" * 10_000, top=3))).language == "en"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("error", "code", "retry"),
    [
        (ModelOverloadedError("Busy."), StatusCode.UNAVAILABLE, "1"),
        (ModelUnavailableError("Away."), StatusCode.UNAVAILABLE, "1"),
        (ModelReplacedError("Replaced."), StatusCode.UNAVAILABLE, "1"),
        (ModelTimeoutError("Too late."), StatusCode.DEADLINE_EXCEEDED, None),
        (ModelError("Failed."), StatusCode.INTERNAL, None),
    ],
)
async def test_a_model_in_trouble_is_a_status(
    method: str, error: ModelError, code: StatusCode, retry: str | None
) -> None:
    async with in_process(api_of(FailingDetector(error))) as caller:
        refused = await refusal(getattr(caller, method)(TEXT))
    assert refused.code() is code
    assert refused.details() == str(error)
    assert dict(refused.trailing_metadata()).get("retry-after") == retry


class BrokenDetector(FakeDetector):
    """Fails in a way that nobody has foreseen."""

    async def predict(self, item: Query, version: str = CHAMPION) -> Prediction[Detection]:
        raise RuntimeError("secret at 192.0.2.1")


@pytest.mark.parametrize("method", METHODS)
async def test_an_unexpected_error_tells_nothing_of_itself(method: str) -> None:
    async with in_process(api_of(BrokenDetector())) as caller:
        error = await refusal(getattr(caller, method)(TEXT))
    assert error.code() is StatusCode.INTERNAL
    assert error.details() == "Internal Server Error"


class ExhaustedDetector(FakeDetector):
    """Gives two guesses and fails."""

    error: ClassVar[Exception] = ModelTimeoutError("Too late.")

    async def predict(self, item: Query, version: str = CHAMPION) -> Prediction[Detection]:
        if len(self.asked) == 2:
            raise self.error
        return await super().predict(item, version)


class BreakingDetector(ExhaustedDetector):
    error = RuntimeError("secret")


@pytest.mark.parametrize(
    ("detector", "code"),
    [
        (ExhaustedDetector(), StatusCode.DEADLINE_EXCEEDED),
        (BreakingDetector(), StatusCode.INTERNAL),
    ],
)
async def test_a_stream_that_fails_on_the_way_says_so_at_its_end(
    detector: FakeDetector, code: StatusCode
) -> None:
    async with in_process(api_of(detector)) as caller:
        call = caller.detect_stream(TEXT)
        guesses = [await call.read(), await call.read()]
        with pytest.raises(AioRpcError) as failed:
            await call.read()
    assert [guess.language for guess in guesses] == ["en", "en"]
    assert failed.value.code() is code
    assert "secret" not in str(failed.value)


class LeftDetector(StuckDetector):
    """Says when it is left."""

    def __init__(self) -> None:
        super().__init__()
        self.left = asyncio.Event()

    async def predict(self, item: Query, version: str = CHAMPION) -> Prediction[Detection]:
        try:
            return await super().predict(item, version)
        finally:
            self.left.set()


@pytest.mark.parametrize("method", METHODS)
async def test_a_deadline_stops_the_work(method: str) -> None:
    stuck = LeftDetector()
    async with in_process(api_of(stuck)) as caller:
        error = await refusal(getattr(caller, method)(TEXT, timeout=0.5))
        assert error.code() is StatusCode.DEADLINE_EXCEEDED
        await asyncio.wait_for(stuck.left.wait(), 10)


class SlowGuesser(LeftDetector):
    """Gives the first guess at once, and no second one."""

    async def stream(
        self, item: Query, version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Detection]]:
        yield Prediction(detection(en=1.0))
        yield await self.predict(item, version)


async def test_a_client_that_leaves_in_the_middle_stops_the_work() -> None:
    stuck = SlowGuesser()
    async with in_process(api_of(stuck)) as caller:
        call = caller.detect_stream(TEXT)
        async for _ in call:
            call.cancel()
            break
        await asyncio.wait_for(stuck.left.wait(), 10)


class EagerGuesser(FakeDetector):
    """Gives guesses as fast as they are taken, and counts them."""

    given = 0

    async def stream(
        self, item: Query, version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Detection]]:
        for self.given in range(1, 1001):
            yield Prediction(detection(en=1.0))


class QuietContext:
    """Of a call whose caller says nothing and reads nothing."""

    def invocation_metadata(self) -> list[tuple[str, str]]:
        return []

    trailing_metadata = invocation_metadata

    def peer(self) -> str:
        return ""

    def set_code(self, code: StatusCode) -> None: ...
    def set_details(self, details: str) -> None: ...
    def set_trailing_metadata(self, trailing_metadata: Any) -> None: ...


async def test_a_model_makes_no_guesses_that_nobody_takes() -> None:
    eager = EagerGuesser()
    replica: Any = SimpleNamespace(api=api_of(eager))
    answers: Any = DetectStream(replica, TEXT, QuietContext())
    async with aclosing(answers):
        await anext(answers)
        await asyncio.sleep(0.2)
        assert 1 <= eager.given < 5


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HTTPException(401, "Who?", {"WWW-Authenticate": "Bearer"}), StatusCode.UNAUTHENTICATED),
        (HTTPException(403, "Not you."), StatusCode.PERMISSION_DENIED),
        (ProblemError(413, "Too much."), StatusCode.RESOURCE_EXHAUSTED),
        (ProblemError(429, "Later."), StatusCode.RESOURCE_EXHAUSTED),
        (HTTPException(418, "A teapot."), StatusCode.INTERNAL),
    ],
)
async def test_guards_refuse_calls_as_they_refuse_requests(
    detector: FakeDetector, method: str, error: Any, code: StatusCode
) -> None:
    async def guard(_: HTTPConnection) -> None:
        raise error

    async with in_process(api_of(detector, Feature(name="strict", guards=[guard]))) as caller:
        refused = await refusal(getattr(caller, method)(TEXT))
    assert refused.code() is code
    assert refused.details() == error.detail
    challenge = dict(refused.trailing_metadata()).get("www-authenticate")
    assert challenge == ("Bearer" if code is StatusCode.UNAUTHENTICATED else None)
    assert detector.asked == []


async def test_a_guard_sees_metadata_and_address(detector: FakeDetector) -> None:
    seen: list[HTTPConnection] = []

    async def guard(connection: HTTPConnection) -> None:
        seen.append(connection)

    async with in_process(api_of(detector, Feature(name="curious", guards=[guard]))) as caller:
        await caller.detect(TEXT, metadata=[("x-api-key", "k"), ("some-bin", b"\xff\x00")])
    [connection] = seen
    assert connection.headers["x-api-key"] == "k"
    assert connection.headers["some-bin"] == "\xff\x00"
    assert connection.client is not None
    assert connection.client.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.1:4711", ("192.0.2.1", 4711)),
        ("ipv6:%5B2001:db8::1%5D:4711", ("2001:db8::1", 4711)),
        ("unix:/tmp/socket", None),
        ("", None),
    ],
)
def test_an_address_is_read_as_grpc_writes_it(peer: str, address: tuple[str, int] | None) -> None:
    assert address_of(peer) == address


@pytest.mark.parametrize("name", ["x-request-id", "request_id"])
async def test_a_request_id_is_taken_and_given_back(caller: Client, name: str) -> None:
    call = caller.detect(TEXT, metadata=[(name, "mine")])
    await call
    assert dict(await call.trailing_metadata())["x-request-id"] == "mine"


async def test_a_call_without_an_id_gets_one_even_when_it_is_refused(caller: Client) -> None:
    refused = await refusal(caller.detect(DetectRequest()))
    assert len(dict(refused.trailing_metadata())["x-request-id"]) == 36


async def test_an_answer_names_its_model(caller: Client) -> None:
    one, many = caller.detect(TEXT), caller.detect_stream(TEXT)
    await one
    assert len([guess async for guess in many]) == 3
    for call in (one, many):
        assert dict(await call.trailing_metadata())["x-model"] == CARD.reference


def test_over_http_there_is_nothing_of_it(detector: FakeDetector) -> None:
    client = TestClient(api_of(detector))
    for path in (DETECT, DETECT_STREAM):
        assert client.post(path, content=TEXT.SerializeToString()).status_code == 404
        assert path not in client.get("/openapi.json").json()["paths"]


@pytest.mark.parametrize("service", ["", "language.v1.LanguageDetector"])
async def test_health_is_readiness(detector: FakeDetector, service: str) -> None:
    asks = HealthCheckRequest(service=service)
    away = FailingDetector(ModelUnavailableError("Away."))
    for model, status in [(detector, "SERVING"), (away, "NOT_SERVING")]:
        async with in_process(api_of(model)) as caller:
            answer = await caller.check(asks)
            assert answer.status == HealthCheckResponse.ServingStatus.Value(status)
            listed = await caller.list_health(HealthListRequest())
            assert listed.statuses[service] == answer


async def test_health_of_what_is_not_there_is_not_found(caller: Client) -> None:
    error = await refusal(caller.check(HealthCheckRequest(service="else")))
    assert error.code() is StatusCode.NOT_FOUND
    error = await refusal(caller.watch(HealthCheckRequest()))
    assert error.code() is StatusCode.UNIMPLEMENTED


def test_every_method_that_is_offered_is_there() -> None:
    offered = [
        method.name
        for file in (DESCRIPTOR, HEALTH)
        for service in file.services_by_name.values()
        for method in service.methods
    ]
    # In Serve, the name of the method alone says what is called: none may be offered twice.
    assert sorted(offered) == sorted(method.__name__ for method in grpc().methods)


async def test_the_service_is_plugged_in(detector: FakeDetector) -> None:
    features = [one.feature for one in transports()]
    async with in_process(create_app(fake_ports(detector), features)) as caller:
        assert (await caller.detect(TEXT)).language == "en"


def test_messages_can_be_pickled() -> None:
    # Serve's Python proxy does so on their way to a replica.
    assert pickle.loads(pickle.dumps(TEXT)) == TEXT


@pytest.fixture
def options() -> dict[str, Any]:
    return own()["grpc_options"]


def test_serve_learns_which_methods_there_are_and_tells_nobody(options: dict[str, Any]) -> None:
    assert options.keys() <= gRPCOptionsSchema.model_fields.keys()
    assert options["enable_reflection"] is False
    named = gRPCOptions(**options).grpc_servicer_func_callable
    assert named == [language_detector, health]


def test_a_taken_port_is_one_sentence(options: dict[str, Any], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = {
            "http_options": {"host": "127.0.0.1", "port": free_port()},
            "grpc_options": options | {"port": port},
        }
        config = tmp_path / "serve.yaml"
        config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        with pytest.raises(SystemExit, match=f"^Port {port} is in use: stop what listens there"):
            serve.checked_configuration(config, WIRING.check)
