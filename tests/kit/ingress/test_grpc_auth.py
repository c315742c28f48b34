"""The features `grpc` and `auth`: who may not ask over HTTP may not call either."""

from asyncio import gather
from collections.abc import AsyncIterator

import pytest
from grpc import StatusCode
from grpc_health.v1.health_pb2 import HealthCheckRequest

from servekit.features.auth import auth
from servekit.ingress.grpc import grpc
from servekit.testing.cluster import INLINE, Cluster
from servekit.testing.features.auth import KEY, NAME, USER, knowing, token

from acme_service import SLUG

from .grpc_callers import Client, calling, in_process, outputs_of, refusal, texts
from tests.audit_lines import audit_lines
from tests.fakes import create_app, fake_ports

ASKS = texts("a b")
METHODS = ["infer", "stream"]

GOOD = [("authorization", f"Bearer {token()}"), ("x-api-key", KEY.secret)]
WRONG = [
    ("authorization", f"Bearer {token()[:-4]}"),
    ("authorization", f"Bearer {KEY.secret}"),
    ("authorization", "Basic dmlzaXRvcjp4"),
    ("x-api-key", token()),
    ("cookie", f"access_token={token()}"),
    ("some-header", "some value"),
]
WITHOUT_SCOPE = ("authorization", f"Bearer {token('else')}")


@pytest.fixture
async def caller() -> AsyncIterator[Client]:
    guarded = auth(service=SLUG, settings=knowing(users=(USER.entry(),), api_keys=(KEY.entry,)))
    async with in_process(create_app(fake_ports(), [guarded, grpc().feature])) as caller:
        yield caller


@pytest.mark.parametrize("credential", GOOD)
async def test_a_valid_credential_is_answered(caller: Client, credential: tuple[str, str]) -> None:
    answer = await caller.infer(ASKS, metadata=[credential])
    assert outputs_of(answer)["language"] == [b"en"]
    assert await caller.languages(ASKS, metadata=[credential]) == ["en", "en"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("credential", WRONG)
async def test_an_invalid_credential_is_refused(
    caller: Client, credential: tuple[str, str], method: str
) -> None:
    error = await refusal(getattr(caller, method)(ASKS, metadata=[credential]))
    assert error.code() is StatusCode.UNAUTHENTICATED
    assert error.details() == "A valid token or key is needed."
    assert dict(error.trailing_metadata())["www-authenticate"] == "Bearer"


async def test_a_refused_stream_has_its_code_while_requests_are_sent(caller: Client) -> None:
    # A client whose write comes too late reports INTERNAL: 7 of 1,000 did.
    async def code() -> StatusCode:
        return (await refusal(caller.stream(ASKS, ASKS, ASKS, metadata=[WRONG[0]]))).code()

    for _ in range(150):
        assert {*await gather(*[code() for _ in range(16)])} == {StatusCode.UNAUTHENTICATED}


async def test_refused_calls_are_in_the_audit_trail(caller: Client) -> None:
    with audit_lines() as lines:
        await refusal(caller.infer(ASKS, metadata=[("x-api-key", "wrong")]))
        await refusal(caller.infer(ASKS, metadata=[WITHOUT_SCOPE]))
    key, scope = lines.found
    assert (key["path"].rpartition("/")[2], key["status"]) == ("ModelInfer", 401)
    assert (key["reason"], scope["reason"]) == ("unknown key", "missing scope")
    assert key["address"] in {"127.0.0.1", "::1"}
    assert scope["principal"] == NAME


async def test_a_missing_scope_is_named(caller: Client) -> None:
    error = await refusal(caller.infer(ASKS, metadata=[WITHOUT_SCOPE]))
    assert error.code() is StatusCode.PERMISSION_DENIED
    assert error.details() == "The scope predict is needed."


async def test_grpc_health_needs_no_credentials(caller: Client) -> None:
    assert (await caller.check(HealthCheckRequest())).status


@pytest.mark.serve
@pytest.mark.parametrize("application", ["default", pytest.param("inline", marks=INLINE)])
async def test_credentials_are_checked_behind_serves_proxy(
    cluster: Cluster, application: str
) -> None:
    async with calling(cluster.grpc_port, application) as caller:
        metadata = [("application", application)]
        for method in METHODS:
            for credential in WRONG:
                error = await refusal(
                    getattr(caller, method)(ASKS, metadata=[*metadata, credential])
                )
                assert error.code() is StatusCode.UNAUTHENTICATED
                assert error.details() == "A valid token or key is needed."
            error = await refusal(
                getattr(caller, method)(ASKS, metadata=[*metadata, WITHOUT_SCOPE])
            )
            assert error.code() is StatusCode.PERMISSION_DENIED
        for credential in GOOD:
            answer = await caller.infer(ASKS, metadata=[*metadata, credential])
            assert answer.model_name == "language"
