"""The transport `grpc` without Ray: a real client, gRPC's own server, and the API behind it."""

import asyncio
import json
import pickle
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar

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
from pydantic import BaseModel, Field
from ray.serve.config import gRPCOptions
from ray.serve.schema import gRPCOptionsSchema
from starlette.requests import HTTPConnection

from servekit.api import Feature, Service
from servekit.api import create_app as create_api
from servekit.api.canary import CanarySettings, position
from servekit.api.errors import ProblemError
from servekit.api.settings import ApiSettings
from servekit.commands import serve
from servekit.contracts import (
    CHAMPION,
    Contract,
    ModelError,
    ModelOverloadedError,
    ModelReplacedError,
    ModelTimeoutError,
    ModelUnavailableError,
    Prediction,
)
from servekit.ingress.grpc import grpc
from servekit.ingress.grpc.calls import address_of
from servekit.ingress.grpc.methods import model_stream_infer
from servekit.ingress.grpc.protos.inference_pb2 import (
    DESCRIPTOR,
    ModelInferRequest,
    ModelMetadataRequest,
    ModelReadyRequest,
    ModelStreamInferResponse,
    ServerLiveRequest,
    ServerMetadataRequest,
    ServerReadyRequest,
)
from servekit.ingress.grpc.routes import MODEL_INFER, MODEL_STREAM_INFER, SERVICE
from servekit.ingress.grpc.servicers import health, inference
from servekit.ingress.grpc.settings import GrpcStreamSettings
from servekit.testing.configurations import own
from servekit.testing.subprocesses import free_port

from acme_service.app import WIRING
from acme_service.contracts.language import Detection, Query
from acme_service.features import transports

from .grpc_callers import Client, asking, in_process, outputs_of, refusal, texts
from tests.audit_lines import audit_lines
from tests.fakes import (
    CARD,
    ChangingDetector,
    FailingDetector,
    FakeDetector,
    StuckDetector,
    create_app,
    detection,
    fake_ports,
)
from tests.in_process import ports_around

ASKS = texts("a b c")


def api_of(detector: FakeDetector, *features: Feature, **settings: Any) -> FastAPI:
    return create_app(fake_ports(detector), [*features, grpc().feature], **settings)


@pytest.fixture
def detector() -> FakeDetector:
    return FakeDetector()


@pytest.fixture
async def caller(detector: FakeDetector) -> AsyncIterator[Client]:
    async with in_process(api_of(detector)) as caller:
        yield caller


class Point(BaseModel):
    """An item of every datatype that contents have."""

    place: tuple[float, float]
    count: int = 1
    is_far: bool = False
    tags: Annotated[list[str], Field(max_length=3)] = []
    more: dict[str, int] | None = None


class Seen(BaseModel):
    total: float
    counts: list[int]
    far: bool
    kept: Point


POINT = Contract("point", Point, Seen)


class Points:
    version = "7"

    def predict(self, items: Sequence[Point]) -> list[Seen]:
        return [
            Seen(
                total=sum(one.place) * one.count,
                counts=[*map(len, one.tags)],
                far=one.is_far,
                kept=one,
            )
            for one in items
        ]


@pytest.fixture
async def points() -> AsyncIterator[Client]:
    service = Service(name="Points", slug="points", package="points", version="2")
    ports = ports_around({POINT: Points})
    async with in_process(create_api(service, ports, [], [grpc().feature])) as caller:
        yield caller


PLACES = ("FP64", [2, 2], [1.0, 2.0, 3.0, 4.0])


async def test_the_server_describes_itself(points: Client) -> None:
    server = await points.service.ServerMetadata(ServerMetadataRequest())
    assert (server.name, server.version, [*server.extensions]) == ("Points", "2", [])
    assert (await points.service.ServerLive(ServerLiveRequest())).live
    assert (await points.service.ServerReady(ServerReadyRequest())).ready


@pytest.mark.parametrize("version", ["", "7"])
async def test_a_model_describes_itself(points: Client, version: str) -> None:
    asks = ModelMetadataRequest(name="point", version=version)
    metadata = await points.service.ModelMetadata(asks)
    assert (metadata.name, metadata.platform, [*metadata.versions]) == ("point", "ray-serve", ["7"])
    assert [(one.name, one.datatype, [*one.shape]) for one in metadata.inputs] == [
        ("place", "FP64", [-1, 2]),
        ("count", "INT64", [-1]),
        ("is_far", "BOOL", [-1]),
        ("tags", "BYTES", [-1, -1]),
        ("more", "BYTES", [-1]),
    ]
    assert [one.name for one in metadata.outputs] == ["total", "counts", "far", "kept"]


async def test_a_row_is_an_item(points: Client) -> None:
    request = asking(
        "point",
        place=PLACES,
        count=("INT8", [2, 1], [1, 2]),
        is_far=("BOOL", [2], [True, False]),
        tags=("BYTES", [2, 2], [b"a", b"bc", b"", "ü".encode()]),
        more=("BYTES", [2], [b"null", b'{"x": 1}']),
    )
    request.id = "42"
    answer = await points.infer(request)
    assert (answer.model_name, answer.model_version, answer.id) == ("point", "7", "42")
    assert [[*one.shape] for one in answer.outputs] == [[2], [2, 2], [2], [2]]
    given = outputs_of(answer)
    kept = [json.loads(one) for one in given.pop("kept")]
    assert given == {"total": [3.0, 14.0], "counts": [1, 2, 0, 1], "far": [True, False]}
    assert [one["more"] for one in kept] == [None, {"x": 1}]
    assert answer.outputs[3].parameters["content_type"].string_param == "application/json"


async def test_binary_tensors_are_answered_by_binary_ones(points: Client) -> None:
    request = ModelInferRequest(model_name="point")
    request.inputs.add(name="place", datatype="FP16", shape=[1, 2])
    request.inputs.add(name="tags", datatype="BYTES", shape=[1, 1])
    request.raw_input_contents.extend(
        [struct.pack("<2e", 1.5, 2), struct.pack("<I", 2) + "ü".encode()]
    )
    request.outputs.add(name="total")
    request.outputs.add(name="counts")
    answer = await points.infer(request)
    assert [one.name for one in answer.outputs] == ["total", "counts"]
    assert [*answer.raw_output_contents] == [struct.pack("<d", 3.5), struct.pack("<q", 1)]
    assert not any(one.HasField("contents") for one in answer.outputs)


async def test_a_large_request_is_answered(points: Client) -> None:
    places = [float(number) for number in range(2000)]
    request = asking(
        "point",
        place=("FP64", [1000, 2], places),
        tags=("BYTES", [1000, 1], [b"x" * 100] * 1000),
    )
    assert request.ByteSize() > 64 * 1024
    assert outputs_of(await points.infer(request))["total"][-1] == 1998 + 1999


RAW = ModelInferRequest(model_name="point", raw_input_contents=[b"1"])
BOTH = asking("point", place=PLACES)
BOTH.raw_input_contents.append(b"")
NO_SUCH_OUTPUT = asking("point", place=PLACES)
NO_SUCH_OUTPUT.outputs.add(name="totale")
UNKNOWN = asking("point", place=PLACES)
UNKNOWN.inputs[0].datatype = "FP8"
HALF = asking("point", place=PLACES)
HALF.inputs[0].datatype = "FP16"
MIXED = asking("point", place=PLACES)
MIXED.inputs[0].contents.int64_contents.append(1)
MANY = ModelInferRequest(model_name="point")
for _ in range(1001):
    MANY.inputs.add(name="place")


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (asking("point"), "Tensor 'place' is missing."),
        (asking("point", place=("FP64", [2, 2], [1.0])), "has 1 elements, and its shape [2, 2]"),
        (asking("point", place=("FP64", [1, 3], [1.0] * 3)), "has the shape [1, 3]"),
        (asking("point", place=("FP64", [-1, 2], [])), "has an invalid shape: 1 to 16 sizes"),
        (asking("point", place=("FP64", [], [])), "has an invalid shape: 1 to 16 sizes"),
        (asking("point", place=("FP64", [10**9, 10**9], [])), "takes 1000000000000000000."),
        (asking("point", place=("FP64", [0, 10**9], [])), "too many empty lists"),
        (asking("point", place=PLACES, count=("INT8", [2], [1, 128])), "that is no INT8."),
        (asking("point", place=("BOOL", [1, 2], [True, True])), "is BOOL, and the model takes"),
        (asking("point", plaice=PLACES), "Unknown tensor 'plaice'"),
        (asking("point", place=PLACES, tags=("BYTES", [2, 1], [b"\xff", b""])), "not UTF-8"),
        (asking("point", place=PLACES, more=("BYTES", [2], [b"{", b""])), "that is not JSON"),
        (asking("point", place=PLACES, tags=("BYTES", [2, 4], [b""] * 8)), "inputs.0.tags"),
        (asking("point", place=("FP64", [1, 2], [float("nan"), 1.0])), "inputs.0.place.0"),
        (RAW, "raw_input_contents holds all tensors of a request, or none."),
        (BOTH, "raw_input_contents holds all tensors of a request, or none."),
        (NO_SUCH_OUTPUT, "Unknown tensor 'totale': the point model gives total"),
        (UNKNOWN, "the unknown datatype 'FP8'"),
        (HALF, "is FP16: send it in raw_input_contents."),
        (MIXED, "Tensor 'place' is FP64, and has contents of another datatype."),
        (asking("point", **{"x" * 257: PLACES}), "The name of a tensor has at most 256 characters"),
        (asking("point", place=("FP64", [1] * 100_000, [])), "'place' has an invalid shape"),
        (MANY, "A request has at most 1000 tensors."),
    ],
)
async def test_bad_tensors_are_refused_in_one_sentence(
    points: Client, request_: ModelInferRequest, reason: str
) -> None:
    error = await refusal(points.infer(request_))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert reason in (error.details() or "")
    [answer] = [one async for one in points.stream(request_)]
    assert answer.error_message == error.details()


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("ModelInfer", ModelInferRequest(model_name="pint")),
        ("ModelInfer", ModelInferRequest(model_name="point", model_version="6")),
        ("ModelReady", ModelReadyRequest(name="pint")),
        ("ModelReady", ModelReadyRequest(name="point", version="6")),
        ("ModelMetadata", ModelMetadataRequest(name="pint")),
        ("ModelMetadata", ModelMetadataRequest(name="point", version="6")),
    ],
)
async def test_an_unknown_model_or_version_is_not_found(
    points: Client, method: str, request_: Any
) -> None:
    error = await refusal(getattr(points.service, method)(request_))
    assert error.code() is StatusCode.NOT_FOUND


async def test_a_version_can_be_asked_for(points: Client) -> None:
    request = asking("point", place=PLACES)
    request.model_version = "7"
    assert (await points.infer(request)).model_version == "7"
    ready = await points.service.ModelReady(ModelReadyRequest(name="point", version="7"))
    assert ready.ready


async def test_the_model_is_asked_what_the_client_asks(
    caller: Client, detector: FakeDetector
) -> None:
    request = asking(
        "language",
        text=("BYTES", [1], ["ä".encode()]),
        allowed=("BYTES", [1, 2], [b"fr", b"de"]),
        preferred=("BYTES", [1], [b'["it"]']),
    )
    answer = await caller.infer(request)
    assert detector.asked == [Query("ä", ("fr", "de"), ("it",))]
    assert outputs_of(answer)["language"] == [b"en"]
    assert outputs_of(answer)["score"] == [0.75]


async def test_a_stream_brings_each_piece_of_the_answer_to_each_request(caller: Client) -> None:
    first, second = texts("a b"), texts("1")
    first.id, second.id = "1", "2"
    answers: list[ModelStreamInferResponse] = [one async for one in caller.stream(first, second)]
    assert [one.infer_response.id for one in answers] == ["1", "1", "2"]
    found = [outputs_of(one.infer_response)["language"] for one in answers]
    assert found == [[b"en"], [b"en"], [b"und"]]
    assert not any(is_final(one) for one in answers)


async def test_a_client_can_ask_for_a_last_message(caller: Client) -> None:
    asks = texts("a b")
    asks.parameters["triton_enable_empty_final_response"].bool_param = True
    answers = [one async for one in caller.stream(asks)]
    assert [is_final(one) for one in answers] == [False, False, True]
    assert [len(one.infer_response.outputs) for one in answers] == [3, 3, 0]


async def test_a_model_without_streams_sends_one_stream_message(
    points: Client,
) -> None:
    answers = [one async for one in points.stream(asking("point", place=PLACES))]
    assert [outputs_of(one.infer_response)["total"] for one in answers] == [[3.0, 7.0]]
    assert is_final(answers[0])


async def test_a_piece_is_of_one_item(caller: Client) -> None:
    [answer] = [one async for one in caller.stream(texts("a", "b"))]
    assert (
        answer.error_message
        == "A stream takes one item: the first dimension of every tensor must be 1."
    )


def is_final(answer: ModelStreamInferResponse) -> bool:
    return answer.infer_response.parameters["triton_final_response"].bool_param


async def test_a_request_that_fails_leaves_its_stream_to_the_next(caller: Client) -> None:
    wrong = texts("")
    wrong.id = "wrong"
    answers = [one async for one in caller.stream(wrong, texts("a"))]
    assert answers[0].error_message.startswith("The request is not valid. inputs.0.text: ")
    assert answers[0].infer_response.id == "wrong"
    assert is_final(answers[0])
    assert outputs_of(answers[1].infer_response)["language"] == [b"en"]


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
    error: ModelError, code: StatusCode, retry: str | None
) -> None:
    async with in_process(api_of(FailingDetector(error))) as caller:
        refused = await refusal(caller.infer(ASKS))
        [answer] = [one async for one in caller.stream(ASKS)]
    assert refused.code() is code
    assert refused.details() == answer.error_message == str(error)
    assert dict(refused.trailing_metadata()).get("retry-after") == retry


async def test_a_model_that_is_away_is_not_ready() -> None:
    async with in_process(api_of(FailingDetector(ModelUnavailableError("Away.")))) as caller:
        assert not (await caller.service.ModelReady(ModelReadyRequest(name="language"))).ready
        assert not (await caller.service.ServerReady(ServerReadyRequest())).ready
        assert (await caller.service.ServerLive(ServerLiveRequest())).live


class BrokenDetector(FakeDetector):
    """Fails in a way that nobody has foreseen."""

    async def predict(self, item: Query, version: str = CHAMPION) -> Prediction[Detection]:
        raise RuntimeError("secret at 192.0.2.1")


async def test_an_unexpected_error_tells_nothing_of_itself() -> None:
    async with in_process(api_of(BrokenDetector())) as caller:
        error = await refusal(caller.infer(ASKS))
        [answer] = [one async for one in caller.stream(ASKS)]
    assert error.code() is StatusCode.INTERNAL
    assert error.details() == answer.error_message == "Internal Server Error"


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
    ("detector", "reason"),
    [(ExhaustedDetector(), "Too late."), (BreakingDetector(), "Internal Server Error")],
)
async def test_an_answer_that_fails_on_the_way_says_so_at_its_end(
    detector: FakeDetector, reason: str
) -> None:
    async with in_process(api_of(detector)) as caller:
        answers = [one async for one in caller.stream(ASKS)]
    assert [one.error_message for one in answers] == ["", "", reason]


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


@pytest.mark.parametrize("method", ["infer", "stream"])
async def test_a_deadline_stops_the_work(method: str) -> None:
    stuck = LeftDetector()
    async with in_process(api_of(stuck)) as caller:
        error = await refusal(getattr(caller, method)(ASKS, timeout=0.5))
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
        call = caller.stream(ASKS)
        async for _ in call:
            call.cancel()
            break
        await asyncio.wait_for(stuck.left.wait(), 10)


async def test_a_stream_without_requests_ends() -> None:
    async with in_process(api_of(FakeDetector()), GrpcStreamSettings(idle_timeout_s=0.3)) as caller:
        call = caller.service.ModelStreamInfer()
        await call.write(texts("a"))
        assert not (await call.read()).error_message
        with pytest.raises(AioRpcError) as ended:
            await call.read()
    error = ended.value
    assert error.code() is StatusCode.CANCELLED
    assert error.details() == "The stream has been idle for too long."


class EndlessGuesser(FakeDetector):
    """Guesses more than its client has room for, until it is given up."""

    def __init__(self) -> None:
        super().__init__()
        self.left = asyncio.Event()

    async def stream(
        self, item: Query, version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Detection]]:
        guess = Detection("en", 1.0, [{"language": "en", "score": 1.0}] * 2_000)
        try:
            while True:
                yield Prediction(guess, CARD.reference)
        finally:
            self.left.set()


async def test_a_stream_that_is_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRPC_STREAM_WRITE_TIMEOUT_S", "0.3")
    endless = EndlessGuesser()
    async with in_process(api_of(endless)) as caller:
        unread = caller.stream(ASKS)
        await asyncio.wait_for(endless.left.wait(), 10)
        assert outputs_of(await caller.infer(ASKS))["language"] == [b"en"]
        unread.cancel()


async def test_one_caller_has_a_share_of_the_streams(detector: FakeDetector) -> None:
    settings = ApiSettings(max_streams_per_caller=1)
    async with in_process(api_of(detector, settings=settings)) as caller:
        first = caller.service.ModelStreamInfer()
        await first.write(texts("a"))
        await first.read()
        with audit_lines() as lines:
            error = await refusal(caller.stream(ASKS))
        [line] = lines.found
        assert (line["event"], line["status"]) == ("refusal", 429)
        assert line["address"]
        assert error.code() is StatusCode.RESOURCE_EXHAUSTED
        assert (
            error.details()
            == "The limit of 1 open streams for one caller is reached: end one first."
        )
        await first.done_writing()
        while await first.read():
            pass
        assert await caller.languages(texts("a")) == ["en"]


async def test_the_time_of_an_answer_is_no_idle_time() -> None:
    class Slow(FakeDetector):
        async def predict(self, item: Query, version: str = CHAMPION) -> Prediction[Detection]:
            await asyncio.sleep(0.6)
            return await super().predict(item, version)

    async with in_process(api_of(Slow()), GrpcStreamSettings(idle_timeout_s=0.3)) as caller:
        assert await caller.languages(texts("a"), texts("b")) == ["en", "en"]


class CancelledGuesser(FakeDetector):
    """Lets the cancellation of a task of its own out, after one guess."""

    async def stream(
        self, item: Query, version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Detection]]:
        yield Prediction(detection(en=1.0))
        raise asyncio.CancelledError


async def test_a_stream_ends_however_its_work_ends() -> None:
    async with in_process(api_of(CancelledGuesser())) as caller:
        error = await asyncio.wait_for(refusal(caller.stream(ASKS)), 10)
    assert error.code() is StatusCode.INTERNAL


async def test_a_long_reason_fits_into_the_metadata(detector: FakeDetector) -> None:
    async def guard(_: HTTPConnection) -> None:
        raise ProblemError(422, "語" * 20_000)

    async with in_process(api_of(detector, Feature(name="wordy", guards=[guard]))) as caller:
        error = await refusal(caller.infer(ASKS))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert set(error.details() or "") == {"語"}


class SilentGuesser(FakeDetector):
    """Has nothing to say."""

    async def stream(
        self, item: Query, version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Detection]]:
        return
        yield


async def test_an_answer_without_pieces_is_one_message() -> None:
    async with in_process(api_of(SilentGuesser())) as caller:
        answers = [one async for one in caller.stream(ASKS, ASKS)]
    assert [is_final(one) for one in answers] == [True, True]


class EagerGuesser(FakeDetector):
    """Gives guesses as fast as they are taken, and counts them."""

    given = 0

    async def stream(
        self, item: Query, version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Detection]]:
        for self.given in range(1, 1001):
            yield Prediction(detection(en=1.0))


class QuietContext:
    """Of a call whose client says nothing and reads nothing."""

    def invocation_metadata(self) -> list[tuple[str, str]]:
        return []

    trailing_metadata = invocation_metadata

    def peer(self) -> str:
        return ""

    def set_code(self, code: StatusCode) -> None: ...
    def set_details(self, details: str) -> None: ...
    def set_trailing_metadata(self, trailing_metadata: Any) -> None: ...


async def one_request() -> AsyncIterator[ModelInferRequest]:
    yield ASKS


async def test_a_model_makes_no_guesses_that_nobody_takes() -> None:
    eager = EagerGuesser()
    replica: Any = SimpleNamespace(api=api_of(eager))
    answers: Any = model_stream_infer(10)(replica, one_request(), QuietContext())
    async with aclosing(answers):
        await anext(answers)
        await asyncio.sleep(0.2)
        assert 1 <= eager.given < 5


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
    detector: FakeDetector, error: Any, code: StatusCode
) -> None:
    async def guard(_: HTTPConnection) -> None:
        raise error

    async with in_process(api_of(detector, Feature(name="strict", guards=[guard]))) as caller:
        refused = await refusal(caller.infer(ASKS))
        # Before it has asked anything.
        call = caller.service.ModelStreamInfer()
        ended = await asyncio.wait_for(refusal(call), 10)
    assert (ended.code(), ended.details()) == (code, error.detail)
    assert refused.code() is code
    assert refused.details() == error.detail
    challenge = dict(refused.trailing_metadata()).get("www-authenticate")
    assert challenge == ("Bearer" if code is StatusCode.UNAUTHENTICATED else None)
    assert detector.asked == []


async def test_a_stream_ends_when_its_credentials_do(detector: FakeDetector) -> None:
    times = 0

    async def guard(_: HTTPConnection) -> None:
        nonlocal times
        times += 1
        if times > 2:
            raise HTTPException(401, "Who?")

    async with in_process(api_of(detector, Feature(name="strict", guards=[guard]))) as caller:
        call = caller.stream(texts("a"), texts("a"), texts("a"))
        assert (await call.read()).infer_response.outputs
        with pytest.raises(AioRpcError) as ended:
            await call.read()
    assert ended.value.code() is StatusCode.UNAUTHENTICATED


async def test_a_guard_sees_metadata_and_address(detector: FakeDetector) -> None:
    seen: list[HTTPConnection] = []

    async def guard(connection: HTTPConnection) -> None:
        seen.append(connection)

    async with in_process(api_of(detector, Feature(name="curious", guards=[guard]))) as caller:
        await caller.infer(ASKS, metadata=[("x-api-key", "k"), ("some-bin", b"\xff\x00")])
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
    call = caller.infer(ASKS, metadata=[(name, "mine")])
    assert dict(await call.trailing_metadata())["x-request-id"] == "mine"


async def test_a_call_without_an_id_gets_one_even_when_it_is_refused(caller: Client) -> None:
    refused = await refusal(caller.infer(ModelInferRequest()))
    assert len(dict(refused.trailing_metadata())["x-request-id"]) == 36


async def test_an_answer_names_its_model(caller: Client) -> None:
    one, many = caller.infer(ASKS), caller.stream(ASKS, ASKS)
    await one
    assert len([answer async for answer in many]) == 6
    for call in (one, many):
        assert dict(await call.trailing_metadata())["x-model"] == CARD.reference


async def test_a_client_keeps_to_the_version_of_its_key() -> None:
    model = ChangingDetector()
    model.challenger = "2"
    async with in_process(api_of(model, canary=CanarySettings(fraction=0.5))) as caller:
        for key in "abcdefgh":
            metadata = [("x-canary-key", key)]
            answer = await caller.infer(ASKS, metadata=metadata)
            assert answer.model_version == ("2" if position([key]) < 0.5 else "1")
            async for piece in caller.stream(ASKS, metadata=metadata):
                assert piece.infer_response.model_version == answer.model_version


def test_grpc_methods_are_not_reachable_over_http(detector: FakeDetector) -> None:
    client = TestClient(api_of(detector))
    for path in (MODEL_INFER, MODEL_STREAM_INFER):
        assert client.post(path, content=ASKS.SerializeToString()).status_code == 404
        assert path not in client.get("/openapi.json").json()["paths"]


@pytest.mark.parametrize("service", ["", SERVICE])
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
        assert outputs_of(await caller.infer(ASKS))["language"] == [b"en"]


def test_messages_can_be_pickled() -> None:
    # Serve's Python proxy does so on their way to a replica.
    assert pickle.loads(pickle.dumps(ASKS)) == ASKS


@pytest.fixture
def options() -> dict[str, Any]:
    return own()["grpc_options"]


def test_serve_gets_the_grpc_methods_without_reflection(options: dict[str, Any]) -> None:
    assert options.keys() <= gRPCOptionsSchema.model_fields.keys()
    assert options["enable_reflection"] is False
    named = gRPCOptions(**options).grpc_servicer_func_callable
    assert named == [inference, health]


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
