"""The features `grpc` and `rate_limit`: a call counts as a request does."""

import pytest
from grpc import StatusCode
from httpx2 import AsyncClient

from servekit.features.rate_limit import rate_limit
from servekit.features.rate_limit.settings import RateLimitSettings
from servekit.ingress.grpc import grpc
from servekit.testing.cluster import Cluster, UrlOf

from acme_service import SLUG

from .grpc_callers import calling, in_process, refusal, texts
from tests.fakes import create_app, fake_ports

ASKS = texts("a b")


async def test_one_too_many_says_when_to_come_back() -> None:
    limited = rate_limit(RateLimitSettings(models="3/hour"), service=SLUG)
    async with in_process(create_app(fake_ports(), [limited, grpc().feature])) as caller:
        call = caller.infer(ASKS)
        await call
        assert dict(await call.trailing_metadata())["ratelimit-remaining"] == "2"
        # A stream counts, and each request in it.
        answers = [one async for one in caller.stream(ASKS, ASKS)]
        assert len(answers) == 2 + 1
        assert answers[-1].error_message.startswith("Too many requests")
        error = await refusal(caller.infer(ASKS))
    assert error.code() is StatusCode.RESOURCE_EXHAUSTED
    assert (error.details() or "").startswith("Too many requests")
    told = dict(error.trailing_metadata())
    assert 1100 < int(told["retry-after"]) <= 1200
    assert told["ratelimit-limit"] == "3"


async def test_addresses_are_those_that_trusted_proxies_tell() -> None:
    limited = rate_limit(RateLimitSettings(models="1/hour"), service=SLUG, trusted_hops=1)
    async with in_process(create_app(fake_ports(), [limited, grpc().feature])) as caller:
        for number in (1, 2):
            metadata = [("x-forwarded-for", f"192.0.2.{number}")]
            await caller.infer(ASKS, metadata=metadata)
            error = await refusal(caller.infer(ASKS, metadata=metadata))
            assert error.code() is StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.serve
@pytest.mark.application("limited")
async def test_calls_and_requests_share_a_limit_behind_serves_proxy(
    cluster: Cluster, url_of: UrlOf
) -> None:
    address = "192.0.2.78"
    async with AsyncClient(headers={"X-Forwarded-For": address}) as client:
        for _ in range(5):
            await client.get(url_of("limited") + "/v1/languages")
    async with calling(cluster.grpc_port, "/limited") as caller:
        metadata = [("application", "limited"), ("x-forwarded-for", address)]
        error = await refusal(caller.infer(ASKS, metadata=metadata))
    assert error.code() is StatusCode.RESOURCE_EXHAUSTED
    assert int(dict(error.trailing_metadata())["retry-after"]) > 600
