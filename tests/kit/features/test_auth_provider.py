"""Tokens of an identity provider, which is a real server here, and whose keys change."""

import asyncio
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient
from jwt.algorithms import HMACAlgorithm

from servekit.features.auth import auth
from servekit.features.auth import jwks as signing_keys
from servekit.features.auth.bearer import BearerTokens
from servekit.features.auth.jwks import SigningKeys
from servekit.features.auth.oidc import IdentityProvider
from servekit.features.auth.settings import AuthSettings
from servekit.features.auth.tokens import OwnTokens
from servekit.testing.features.auth import NAME, SECRET, USER, knowing, token

from acme_service import SLUG

from .auth_provider import AUDIENCE, Provider, SigningKey, running_provider
from tests.fakes import create_app, fake_ports

FIRST, SECOND, CURVED = SigningKey("first"), SigningKey("second"), SigningKey("curved", "ES256")
SOON_S = 0.05


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider(FIRST, CURVED) as provider:
        yield provider


def settings(provider: Provider) -> AuthSettings:
    return knowing(users=(USER,), issuer=provider.issuer, audience=AUDIENCE)


@asynccontextmanager
async def trusting(provider: Provider, **times: float) -> AsyncIterator[BearerTokens]:
    keys = SigningKeys(provider.issuer, "", **times)
    chosen = settings(provider)
    async with keys.kept_fresh():
        yield BearerTokens(OwnTokens(chosen, SLUG), IdentityProvider(chosen, keys))


async def eventually(condition: Callable[[], Any]) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if condition():
            return True
        await asyncio.sleep(0.01)
    return False


@pytest.mark.parametrize("key", [FIRST, CURVED], ids=["RS256", "ES256"])
async def test_a_good_token_is_accepted(provider: Provider, key: SigningKey) -> None:
    async with trusting(provider) as tokens:
        caller = await tokens.authenticate(provider.token(key))
        assert caller
        assert (caller.id, caller.scopes) == ("oidc:ada", {"predict"})


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "predict admin other"}, {"predict", "admin"}),
        ({"scope": None, "scp": ["predict", 1]}, {"predict"}),
        ({"scope": None, "scp": "admin"}, {"admin"}),
        ({"scope": None}, set()),
        ({"scope": 7}, set()),
        ({"scope": {"predict": True}}, set()),
    ],
)
async def test_scopes_are_those_that_the_token_gives_and_the_service_knows(
    provider: Provider, claims: dict[str, Any], scopes: set[str]
) -> None:
    async with trusting(provider) as tokens:
        caller = await tokens.authenticate(provider.token(**claims))
        assert caller
        assert caller.scopes == scopes


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://another.example"},
        {"aud": None},
        {"aud": []},
        {"aud": [AUDIENCE, 1]},
        {"aud": {AUDIENCE: 1}},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"exp": float("nan")},
        {"nbf": 2**33},
        {"sub": None},
        {"sub": "x" * 256},
        {"sub": ""},
        {"sub": "a\ud800"},
        {"sub": "a\nb"},
        {"sub": "a\0"},
    ],
    ids=ascii,
)
async def test_a_token_with_wrong_claims_is_refused(
    provider: Provider, claims: dict[str, Any]
) -> None:
    async with trusting(provider) as tokens:
        assert await tokens.authenticate(provider.token(**claims)) is None


@pytest.mark.parametrize("algorithm", [[], {}, ["RS256"], None, 7], ids=str)
def test_an_algorithm_that_is_no_text_is_a_401(provider: Provider, algorithm: Any) -> None:
    header = json.dumps({"alg": algorithm, "kid": "first"}).encode()
    odd = f"{urlsafe_b64encode(header).decode().rstrip('=')}.e30.AA"
    with TestClient(
        create_app(fake_ports(), [auth(service=SLUG, settings=settings(provider))])
    ) as client:
        refused = client.get("/v1/languages", headers={"Authorization": f"Bearer {odd}"})
    assert refused.status_code == 401


@pytest.mark.parametrize("subject", ["x" * 255, "a", "Ada Lovelace|7", "\u00e9\u4e2d"])
async def test_a_subject_may_be_any_text_that_can_be_read(provider: Provider, subject: str) -> None:
    async with trusting(provider) as tokens:
        caller = await tokens.authenticate(provider.token(sub=subject))
        assert caller
        assert caller.id == f"oidc:{subject}"


async def test_a_numeric_subject_is_refused(provider: Provider) -> None:
    claims = {"iss": provider.issuer, "aud": AUDIENCE, "sub": 7, "exp": time.time() + 60}
    body = json.dumps(claims).encode()
    numbered = jwt.api_jws.encode(body, FIRST.private, "RS256", {"kid": "first"})
    async with trusting(provider) as tokens:
        assert await tokens.authenticate(numbered) is None


async def test_keys_are_never_confused(provider: Provider) -> None:
    """A key is good for its own algorithm alone, whatever a token says of itself."""
    claims = {"iss": provider.issuer, "aud": AUDIENCE, "sub": "ada", "exp": time.time() + 60}
    kid = {"kid": "first"}
    impostor = SigningKey("first")
    hmac_over_public_key = jwt.api_jws.PyJWS()
    hmac_over_public_key.unregister_algorithm("HS256")
    hmac_over_public_key.register_algorithm("HS256", UncheckedHmac(UncheckedHmac.SHA256))
    body = json.dumps(claims).encode()
    tried = [
        hmac_over_public_key.encode(body, FIRST.public_pem(), "HS256", kid),
        jwt.encode(claims, impostor.private, "RS256", kid),
        jwt.encode(claims, CURVED.private, "ES256", kid),
        jwt.encode(claims, FIRST.private, "RS256", {"kid": "curved"}),
        jwt.encode(claims, FIRST.private, "RS256"),
        jwt.encode(claims, FIRST.private, "PS256", kid),
        jwt.encode(claims, FIRST.private, "RS512", kid),
        jwt.encode(claims, SECRET, "HS256", kid),
        jwt.encode(claims, "", "none", kid),
        jwt.encode(claims, FIRST.private, "RS256", {"kid": "../first"}),
        jwt.encode(claims, FIRST.private, "RS256", {"kid": "\0"}),
    ]
    async with trusting(provider) as tokens:
        assert [await tokens.authenticate(one) for one in tried] == [None] * len(tried)
        assert await tokens.authenticate(provider.token(FIRST))


class UncheckedHmac(HMACAlgorithm):
    """Signs with a public key as secret, which PyJWT itself refuses to do."""

    def prepare_key(self, key: str | bytes) -> bytes:
        return key if isinstance(key, bytes) else key.encode()


async def test_the_services_own_tokens_are_good_beside_the_providers(provider: Provider) -> None:
    async with trusting(provider) as tokens:
        caller = await tokens.authenticate(token())
        assert caller
        assert caller.id == NAME


async def test_a_new_key_is_fetched_when_a_token_names_it(provider: Provider) -> None:
    async with trusting(provider, cooldown_s=0) as tokens:
        assert await tokens.authenticate(provider.token(SECOND)) is None
        provider.keys = [FIRST, SECOND]
        assert await tokens.authenticate(provider.token(SECOND))
        assert await tokens.authenticate(provider.token(FIRST))


async def test_unknown_key_floods_do_not_reach_the_provider(
    provider: Provider,
) -> None:
    unknown = [
        jwt.encode({"sub": "ada"}, FIRST.private, "RS256", {"kid": f"unknown-{number}"})
        for number in range(200)
    ]
    async with trusting(provider, cooldown_s=60) as tokens:
        assert provider.fetches == 1
        found = await asyncio.gather(*(tokens.authenticate(one) for one in unknown))
        assert found == [None] * 200
        assert provider.fetches == 1
        assert await tokens.authenticate(provider.token())


async def test_many_who_bring_an_unknown_key_share_one_fetch(provider: Provider) -> None:
    async with trusting(provider, cooldown_s=SOON_S) as tokens:
        await asyncio.sleep(SOON_S)
        provider.keys = [SECOND]
        good = provider.token(SECOND)
        found = await asyncio.gather(*(tokens.authenticate(good) for _ in range(20)))
        assert None not in found
        assert provider.fetches == 2


async def test_tokens_of_a_removed_key_are_refused_even_if_cached(
    provider: Provider,
) -> None:
    async with trusting(provider, fresh_s=SOON_S) as tokens:
        good = provider.token(FIRST)
        assert await tokens.authenticate(good)
        provider.keys = [SECOND]
        known = tokens._provider  # pyright: ignore[reportPrivateUsage]
        assert known
        assert await eventually(lambda: known.generation() == 2)
        assert await tokens.authenticate(good) is None


async def test_a_provider_that_takes_its_last_key_back_is_believed(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    async with trusting(provider, fresh_s=SOON_S, cooldown_s=SOON_S) as tokens:
        good = provider.token()
        assert await tokens.authenticate(good)
        provider.keys = []
        assert await eventually(lambda: "no key that can be used" in caplog.text)
        assert await tokens.authenticate(good) is None
        provider.keys = [SECOND]
        await asyncio.sleep(SOON_S)
        assert await tokens.authenticate(provider.token())


@pytest.mark.parametrize("odd", [{"kty": ["RSA"]}, {"kid": ["x"]}, {"n": 5}, 5, None, "x", []])
async def test_an_odd_key_does_not_keep_the_others_from_changing(
    provider: Provider, odd: Any
) -> None:
    provider.beside = [FIRST.published | odd if isinstance(odd, dict) else odd]
    provider.keys = [SECOND]
    async with trusting(provider) as tokens:
        assert await tokens.authenticate(provider.token())


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ("error", "HTTPStatusError"),
        ("garbage", "RecursionError"),
        ("hang", "TimeoutError"),
        ("name", "another name than AUTH_ISSUER"),
        ("no list", "its keys are no list"),
    ],
    ids=["error", "garbage", "hang", "name", "no list"],
)
async def test_while_the_provider_fails_its_last_keys_stay(
    provider: Provider,
    failure: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with trusting(provider, fresh_s=0.01, cooldown_s=0) as tokens:
        assert await tokens.authenticate(provider.token())
        provider.failure = failure
        with monkeypatch.context() as impatient:
            if failure == "hang":
                # An answer may take longer than this on a busy machine; none is expected here.
                impatient.setattr(signing_keys, "TIMEOUT_S", SOON_S)
            assert await eventually(lambda: said in caplog.text)
            assert await tokens.authenticate(provider.token(FIRST, jti="a new one"))
            assert await tokens.authenticate(provider.token(SECOND)) is None
        provider.failure = ""
        provider.released.set()
        provider.keys = [SECOND]
        known = tokens._provider  # pyright: ignore[reportPrivateUsage]
        assert known
        assert await eventually(lambda: known.generation() == 2)
        assert await tokens.authenticate(provider.token(SECOND))


async def test_a_provider_without_keys_yet_is_a_503_and_retried(
    provider: Provider,
) -> None:
    provider.failure = "error"
    async with trusting(provider, cooldown_s=SOON_S) as tokens:
        with pytest.raises(HTTPException) as refused:
            await tokens.authenticate(provider.token())
        assert refused.value.status_code == 503
        assert await tokens.authenticate(token())
        provider.failure = ""
        assert await eventually(lambda: provider.fetches)
        assert await tokens.authenticate(provider.token())


def test_only_strong_public_signing_keys_are_used() -> None:
    published = FIRST.published
    unusable = [
        published | {"use": "enc"},
        published | {"alg": "PS256"},
        published | {"alg": "HS256"},
        published | {"kid": ""},
        published | {"n": "AQAB"},
        published | {"d": "AQAB"},
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0" * 8},
        {"kty": "EC", "kid": "other-curve", "crv": "P-521", "x": "AA", "y": "AA"},
        {"kty": "EC", "kid": "no-point", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "OKP", "kid": "edwards", "crv": "Ed25519", "x": "AA"},
        {},
    ]
    assert dict(signing_keys.usable(unusable)) == {}
    assert [name for name, _ in signing_keys.usable([*unusable, published])] == ["first"]


def test_the_whole_service_trusts_the_provider_and_says_so_in_openapi(provider: Provider) -> None:
    app = create_app(fake_ports(), [auth(service=SLUG, settings=settings(provider))])
    with TestClient(app) as client:
        headers = {"Authorization": f"Bearer {provider.token()}"}
        answer = client.post("/v1/detect", json={"text": "fine"}, headers=headers)
        assert answer.is_success
        assert client.get("/v1/me", headers=headers).json()["id"] == "oidc:ada"
        schemes = client.get("/openapi.json").json()["components"]["securitySchemes"]
    address = f"{provider.issuer}/.well-known/openid-configuration"
    assert schemes["provider"] == {"type": "openIdConnect", "openIdConnectUrl": address}


def test_the_service_starts_without_the_provider(provider: Provider) -> None:
    provider.failure = "error"
    with TestClient(
        create_app(fake_ports(), [auth(service=SLUG, settings=settings(provider))])
    ) as client:
        headers = {"Authorization": f"Bearer {provider.token()}"}
        refused = client.post("/v1/detect", json={"text": "fine"}, headers=headers)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
        assert refused.headers["content-type"] == "application/problem+json"
        own = {"Authorization": f"Bearer {token()}"}
        assert client.post("/v1/detect", json={"text": "fine"}, headers=own).is_success


@asynccontextmanager
async def as_set(provider: Provider, **options: Any) -> AsyncIterator[BearerTokens]:
    chosen = knowing(users=(USER,), issuer=provider.issuer, audience=AUDIENCE)
    chosen = chosen.model_copy(update=options)
    keys = SigningKeys(chosen.issuer, chosen.keys_url)
    async with keys.kept_fresh():
        yield BearerTokens(OwnTokens(chosen, SLUG), IdentityProvider(chosen, keys))


@pytest.mark.parametrize(
    ("options", "claims"),
    [
        ({"audience": ("another", AUDIENCE)}, {"aud": "another"}),
        ({"scope_claims": ("permissions",)}, {"scope": None, "permissions": ["predict"]}),
        ({"scope_claims": ("roles", "scope")}, {"scope": "other", "roles": ["predict"]}),
        ({"scope_prefix": "api://churn/"}, {"scope": "api://churn/predict openid"}),
    ],
)
async def test_providers_put_things_elsewhere(
    provider: Provider, options: dict[str, Any], claims: dict[str, Any]
) -> None:
    async with as_set(provider, **options) as tokens:
        caller = await tokens.authenticate(provider.token(**claims))
        assert caller
        assert caller.scopes == {"predict"}


async def test_a_scope_without_the_prefix_is_none(provider: Provider) -> None:
    async with as_set(provider, scope_prefix="api://churn/") as tokens:
        caller = await tokens.authenticate(provider.token(scope="predict"))
        assert caller
        assert caller.scopes == set()


async def test_keys_may_be_at_another_address_than_the_issuer_says(provider: Provider) -> None:
    issuer = "https://sts.example/tenant/"
    options = {"issuer": issuer, "keys_url": f"{provider.issuer}/keys"}
    async with as_set(provider, **options) as tokens:
        assert await tokens.authenticate(provider.token(iss=issuer))
        assert await tokens.authenticate(provider.token()) is None


async def test_the_log_says_why_tokens_are_refused_and_never_the_token(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    refused = provider.token(aud="https://other.example")
    async with as_set(provider) as tokens:
        for _ in range(5):
            assert await tokens.authenticate(refused) is None
    [line] = [one for one in caplog.records if "was refused" in one.message]
    said = vars(line)
    assert (said["reason"], said["kid"]) == ("InvalidAudienceError", "'first'")
    assert (said["iss"], said["aud"]) == (repr(provider.issuer), "'https://other.example'")
    assert refused not in str(said)


async def test_a_token_of_an_unknown_key_is_told_of(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    async with as_set(provider) as tokens:
        assert await tokens.authenticate(provider.token(SECOND)) is None
    [line] = [one for one in caplog.records if "was refused" in one.message]
    assert vars(line)["reason"] == "no such key"
