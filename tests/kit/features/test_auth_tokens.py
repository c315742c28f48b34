"""Tokens of the service's own: which are good, for how long, and which never were."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from servekit.features.auth import bearer
from servekit.features.auth.bearer import BearerTokens
from servekit.features.auth.tokens import OwnTokens
from servekit.testing.features.auth import NAME, SECRET, USER, knowing, token

from acme_service import SLUG

OTHER_SECRET = "another secret that is as long as the first one"


def own(*secrets: str, users: tuple[Any, ...] = (USER,)) -> OwnTokens:
    return OwnTokens(knowing(secrets=secrets or (SECRET,), users=users), SLUG)


def signed(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A good token, but for what is said otherwise; None leaves a claim out."""
    usual = {"iss": SLUG, "aud": SLUG, "sub": NAME, "scope": "predict"}
    usual |= {"iat": time.time(), "exp": time.time() + 60}
    said = {name: value for name, value in (usual | claims).items() if value is not None}
    return jwt.encode(said, secret, algorithm)


def encoded(part: object) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def unsigned(header: object) -> str:
    _, payload, _ = signed().split(".")
    return f"{encoded(header)}.{payload}."


def with_header(header: object) -> str:
    _, payload, signature = signed().split(".")
    return f"{encoded(header)}.{payload}.{signature}"


def flipped(text: str, place: int) -> str:
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


async def accepted(token: str, tokens: OwnTokens | None = None) -> str | None:
    caller = await BearerTokens(tokens or own()).authenticate(token)
    return caller.id if caller else None


async def test_a_good_token_is_accepted() -> None:
    assert await accepted(signed()) == NAME
    assert await accepted(token()) == NAME


NEVER_GOOD: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "no token": lambda: "token",
    "dots": lambda: "..",
    "many dots": lambda: "." * 8000,
    "cut": lambda: signed()[:-5],
    "without signature": lambda: signed().rpartition(".")[0] + ".",
    "two parts": lambda: signed().rpartition(".")[0],
    "oversized": lambda: signed(padding="x" * 10_000),
    "other secret": lambda: signed(OTHER_SECRET),
    "expired": lambda: signed(exp=time.time() - 1),
    "not yet": lambda: signed(nbf=time.time() + 60),
    "of the future": lambda: signed(iat=time.time() + 60),
    "no expiry": lambda: signed(exp=None),
    "endless": lambda: signed(exp=float("inf")),
    "expiry no number": lambda: signed(exp="soon"),
    "other audience": lambda: signed(aud="another-service"),
    "no audience": lambda: signed(aud=None),
    "other issuer": lambda: signed(iss="another-service"),
    "no issuer": lambda: signed(iss=None),
    "unknown user": lambda: signed(sub="stranger"),
    "no user": lambda: signed(sub=None),
    "no scope": lambda: signed(scope=None),
    "none": lambda: unsigned({"alg": "none", "typ": "JWT"}),
    "None": lambda: unsigned({"alg": "None"}),
    "null": lambda: unsigned({"alg": None}),
    "no algorithm": lambda: with_header({"typ": "JWT"}),
    "HS512": lambda: signed(algorithm="HS512"),
    "says RS256": lambda: with_header({"alg": "RS256", "kid": "a"}),
    "algorithm no text": lambda: with_header({"alg": ["HS256"]}),
    "key no text": lambda: with_header({"alg": "HS256", "kid": {"a": 1}}),
    "critical": lambda: with_header({"alg": "HS256", "crit": ["b64"], "b64": False}),
    "deep": lambda: encoded(b"[" * 5000) + ".e30.e30",
    "no json": lambda: encoded(b"{") + ".e30.e30",
    "large number": lambda: encoded(b'{"alg": ' + b"9" * 5000 + b"}") + ".e30.e30",
    "surrogate": lambda: "\ud800.\ud800.\ud800",
    "own key inside": lambda: with_header({"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}}),
}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("made", NEVER_GOOD.values(), ids=NEVER_GOOD)
async def test_a_malformed_token_is_refused(made: Callable[[], str]) -> None:
    assert await accepted(made()) is None


async def test_an_altered_token_is_refused() -> None:
    good = signed()
    tokens = BearerTokens(own())
    assert await tokens.authenticate(good)
    for place in range(len(good)):
        assert await tokens.authenticate(flipped(good, place)) is None, place


async def test_a_public_key_as_shared_secret_opens_nothing() -> None:
    key = rsa.generate_private_key(65537, 2048)
    assert await accepted(jwt.encode({"sub": NAME}, key, "RS256")) is None


async def test_the_first_secret_signs_and_all_verify() -> None:
    before, after = own(SECRET), own(OTHER_SECRET, SECRET)
    old, new = before.issue(NAME, ["predict"]), after.issue(NAME, ["predict"])
    assert await accepted(old, after) == NAME
    assert await accepted(new, after) == NAME
    assert await accepted(new, before) is None


async def test_a_secret_that_is_gone_takes_its_tokens_along() -> None:
    old = own(SECRET).issue(NAME, ["predict"])
    assert await accepted(old, own(OTHER_SECRET)) is None


async def test_a_token_says_no_more_than_its_user_may_now() -> None:
    admin = own().issue(NAME, ["predict", "admin"])
    demoted = type(USER)(NAME, frozenset(["predict"]), USER.proof)
    caller = await BearerTokens(own(users=(demoted,))).authenticate(admin)
    assert caller
    assert caller.scopes == {"predict"}


async def test_a_remembered_token_is_forgotten_when_it_expires() -> None:
    class Fleeting(OwnTokens):
        """Finds a token good once, and for a moment."""

        expires_at = 0.0

        def verified(self, token: str) -> bearer.Verified | None:
            good = super().verified(token)
            if good is None or self.expires_at:
                return None
            self.expires_at = time.time() + 0.05
            return good._replace(expires_at=self.expires_at)

    tokens, good = BearerTokens(Fleeting(knowing(users=(USER,)), SLUG)), signed()
    assert await tokens.authenticate(good)
    assert await tokens.authenticate(good)
    await asyncio.sleep(0.06)
    assert await tokens.authenticate(good) is None


async def test_a_token_is_verified_once_and_only_so_many_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Counting(OwnTokens):
        verified_times = 0

        def verified(self, token: str) -> bearer.Verified | None:
            self.verified_times += 1
            return super().verified(token)

    monkeypatch.setattr(bearer, "REMEMBERED", 3)
    counting = Counting(knowing(users=(USER,)), SLUG)
    tokens = BearerTokens(counting)
    many = [signed(jti=str(number)) for number in range(5)]
    for one in [many[0]] * 3 + many:
        assert await tokens.authenticate(one)
    assert counting.verified_times == 5
    assert await tokens.authenticate(many[0])
    assert counting.verified_times == 6
