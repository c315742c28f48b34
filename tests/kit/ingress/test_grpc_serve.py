"""gRPC over Ray Serve: through its proxy, to the same replicas, in both placements."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable

import grpc
import pytest
from grpc import StatusCode
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from httpx2 import AsyncClient

from servekit.ingress.grpc.protos.inference_pb2 import ModelInferRequest
from servekit.ingress.grpc.routes import MODEL_INFER, SERVICE
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import INLINE, Cluster

from .grpc_callers import Client, calling, outputs_of, refusal, texts
from .test_failures import INTERNALS
from tests.applications.misbehaving import notes

pytestmark = [pytest.mark.serve, pytest.mark.application("stuck", "busy")]

TEXT = "Das ist ein schöner Tag"
GERMAN = texts(TEXT)
MAX_MESSAGE_BYTES = 4 * 1024 * 1024


@pytest.fixture(params=["default", pytest.param("inline", marks=INLINE)])
async def caller(request: pytest.FixtureRequest, cluster: Cluster) -> AsyncIterator[Client]:
    async with calling(cluster.grpc_port, request.param) as caller:
        yield caller


async def eventually(condition: Callable[[], bool], within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_text_is_answered_as_over_http(caller: Client, cluster: Cluster) -> None:
    call = caller.infer(GERMAN, metadata=[*caller.metadata, ("x-request-id", "grpc-1")])
    answer = await call
    told = dict(await call.trailing_metadata())
    async with AsyncClient(headers=HEADERS) as client:
        over_http = await client.post(f"{cluster.url}/v1/detect", json={"text": TEXT})
    expected = over_http.json()
    given = outputs_of(answer)
    assert given["language"] == [expected["language"].encode()]
    assert given["score"] == [expected["score"]]
    assert [json.loads(one) for one in given["candidates"]] == [expected["candidates"]]
    assert f"{answer.model_name}:{answer.model_version}" == over_http.headers["x-model"]
    assert told["x-model"] == over_http.headers["x-model"]
    assert told["x-request-id"] == "grpc-1"


async def test_guesses_sharpen(caller: Client) -> None:
    call = caller.stream(GERMAN, texts("the house"), metadata=caller.metadata)
    answers = [outputs_of(one.infer_response) async for one in call]
    words = len(TEXT.split())
    assert len(answers) == words + 2
    assert answers[words - 1] == outputs_of(await caller.infer(GERMAN, metadata=caller.metadata))
    assert answers[-1]["language"] == [b"en"]
    assert dict(await call.trailing_metadata())["x-model"] == "language:1"


async def test_a_stream_answers_while_more_may_come(caller: Client) -> None:
    call = caller.service.ModelStreamInfer(metadata=caller.metadata)
    for _ in range(3):
        await call.write(texts("Haus"))
        answer = await asyncio.wait_for(call.read(), 10)
        assert outputs_of(answer.infer_response)["language"]
    await call.done_writing()
    assert await call.code() is StatusCode.OK


async def test_bad_tensors_are_refused_in_one_sentence(caller: Client) -> None:
    metadata = [*caller.metadata, ("x-request-id", "refused-1")]
    error = await refusal(caller.infer(ModelInferRequest(model_name="language"), metadata=metadata))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert error.details() == "Tensor 'text' is missing."
    assert ("x-request-id", "refused-1") in [*(error.trailing_metadata() or ())]


async def test_a_request_that_fails_leaves_its_stream_to_the_next(caller: Client) -> None:
    wrong = ModelInferRequest(model_name="language", id="wrong")
    answers = [one async for one in caller.stream(wrong, texts("a"), metadata=caller.metadata)]
    assert answers[0].error_message == "Tensor 'text' is missing."
    assert answers[0].infer_response.id == "wrong"
    assert outputs_of(answers[1].infer_response)["language"]


@pytest.mark.skipif(os.environ.get("PROXY") == "python", reason="HAProxy alone falls back")
async def test_where_haproxy_knows_of_no_replica_a_refusal_is_one_too(cluster: Cluster) -> None:
    async with calling(cluster.fallback_port) as caller:
        wrong = ModelInferRequest(model_name="language")
        error = await refusal(caller.infer(wrong, metadata=caller.metadata))
        languages = await caller.languages(GERMAN, metadata=caller.metadata)
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert error.details() == "Tensor 'text' is missing."
    assert languages[-1] == "de"


async def test_a_message_over_the_limit_is_refused_before_it_is_read(caller: Client) -> None:
    error = await refusal(caller.infer(texts("a" * MAX_MESSAGE_BYTES), metadata=caller.metadata))
    assert error.code() is StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in (error.details() or "")
    answer = await caller.infer(GERMAN, metadata=caller.metadata)
    assert outputs_of(answer)["language"] == [b"de"]


@pytest.mark.parametrize(("metadata", "named"), [([], ""), ([("application", "else")], "else")])
async def test_an_application_has_to_be_named_and_there(
    caller: Client, metadata: list[tuple[str, str]], named: str
) -> None:
    error = await refusal(caller.infer(GERMAN, metadata=metadata))
    assert error.code() is StatusCode.NOT_FOUND
    assert named in (error.details() or "")
    assert not INTERNALS.search(error.details() or "")


async def test_a_stuck_model_is_given_up(cluster: Cluster) -> None:
    async with calling(cluster.grpc_port, "/stuck") as caller:
        error = await refusal(caller.infer(GERMAN, metadata=caller.metadata))
        answers = [one async for one in caller.stream(GERMAN, metadata=caller.metadata)]
    assert error.code() is StatusCode.DEADLINE_EXCEEDED
    assert error.details() == "The language model did not answer in time."
    assert answers[-1].error_message == error.details()


async def test_a_deadline_ends_the_call_and_the_work_behind_it(cluster: Cluster) -> None:
    before = notes(cluster).read_text().count("predict_batch cancelled")
    async with calling(cluster.grpc_port, "/stuck") as caller:
        began = time.monotonic()
        error = await refusal(caller.infer(GERMAN, metadata=caller.metadata, timeout=0.7))
        assert time.monotonic() - began < 1.5
    assert error.code() is StatusCode.DEADLINE_EXCEEDED
    assert await eventually(
        lambda: notes(cluster).read_text().count("predict_batch cancelled") > before
    )


async def test_a_client_that_dies_mid_stream_stops_the_work_behind_it(cluster: Cluster) -> None:
    before = notes(cluster).read_text().count("stream cancelled")
    async with calling(cluster.grpc_port, "/stuck") as caller:
        async for answer in caller.stream(GERMAN, metadata=caller.metadata):
            assert outputs_of(answer.infer_response)["language"] == [b"en"]
            break
        # Its connection goes with it, in the middle of the stream.
    assert await eventually(lambda: notes(cluster).read_text().count("stream cancelled") > before)


async def test_a_saturated_model_says_when_to_come_back(cluster: Cluster) -> None:
    async with calling(cluster.grpc_port, "/busy") as caller:
        asked = [
            caller.infer(texts(f"a {number}"), metadata=caller.metadata) for number in range(40)
        ]
        await asyncio.wait([asyncio.ensure_future(call.code()) for call in asked])
        codes = [await call.code() for call in asked]
        told = [dict(await call.trailing_metadata()) for call in asked]
    assert {*codes} <= {StatusCode.OK, StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED}
    assert StatusCode.OK in codes
    refused = [one for code, one in zip(codes, told, strict=True) if code.name == "UNAVAILABLE"]
    assert refused
    assert all(one["retry-after"] == "1" for one in refused)


async def test_health_follows_the_models_and_asks_for_no_credentials(cluster: Cluster) -> None:
    for application, expected in [
        ("default", HealthCheckResponse.SERVING),
        ("/stuck", HealthCheckResponse.NOT_SERVING),
    ]:
        async with calling(cluster.grpc_port, application) as caller:
            metadata = [("application", application.strip("/"))]
            for service in ("", SERVICE):
                asks = HealthCheckRequest(service=service)
                # One that gave anybody the beginning of a stream lately still counts as busy.
                deadline = time.monotonic() + 20
                while (await caller.check(asks, metadata=metadata)).status != expected:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.5)
            unknown = HealthCheckRequest(service="else")
            error = await refusal(caller.check(unknown, metadata=metadata))
            assert error.code() is StatusCode.NOT_FOUND
            error = await refusal(caller.watch(HealthCheckRequest(), metadata=metadata))
            assert error.code() is StatusCode.UNIMPLEMENTED


async def test_grpc_reflection_is_off(cluster: Cluster) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{cluster.grpc_port}") as channel:
        # Not by the stub, which sends its question once the call is there: where it is refused
        # before that, gRPC says that the question could not be sent.
        path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        ask = channel.unary_unary(path, ServerReflectionRequest.SerializeToString)
        question = ServerReflectionRequest(list_services="")
        error = await refusal(ask(question, metadata=[("application", "default")]))
    assert error.code() is StatusCode.UNIMPLEMENTED


async def test_every_call_is_one_line_of_the_log(caller: Client, cluster: Cluster) -> None:
    metadata = [*caller.metadata, ("x-request-id", f"line-{time.monotonic_ns()}")]
    await caller.infer(GERMAN, metadata=metadata)
    _, request_id = metadata[-1]

    def lines() -> list[str]:
        said = cluster.log.read_text().splitlines()
        return [one for one in said if request_id in one and '"message":"request"' in one]

    assert await eventually(lambda: len(lines()) == 1)
    assert f'"path":"{MODEL_INFER}","status":200' in lines()[0]
