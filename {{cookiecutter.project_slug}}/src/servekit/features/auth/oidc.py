"""Verifies tokens of an identity provider (OpenID Connect)."""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import jwt

from servekit.api.principal import Principal

from .accounts import SCOPES
from .jwks import ALGORITHMS, SigningKeys
from .settings import AuthSettings
from .tokens import Verified

LEEWAY_S = 10
"""How far the provider's clock and ours may differ."""

MAX_SUBJECT_CHARS = 255

SAY_EVERY_S = 10.0
"""Of tokens that are refused, one in so many seconds is logged."""

log = logging.getLogger(__name__)


class IdentityProvider:
    """Verifies tokens with the provider's keys, without asking it about each."""

    algorithms = frozenset(ALGORITHMS.values())

    def __init__(self, settings: AuthSettings, keys: SigningKeys) -> None:
        self._issuer = settings.issuer
        self._audience = settings.audience
        self._scope_claims = settings.scope_claims
        self._scope_prefix = settings.scope_prefix
        self._keys = keys
        self._said_at = float("-inf")

    def generation(self) -> int:
        """Return another number whenever other keys are trusted."""
        return self._keys.generation

    async def verified(self, token: str, key_id: str) -> Verified | None:
        key = await self._keys.find(key_id)
        if key is None:
            self._say(token, key_id, "no such key")
            return None
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=[*self._audience],
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": ["aud", "exp", "iss", "sub"]},
            )
        except jwt.PyJWTError as error:
            self._say(token, key_id, type(error).__name__)
            return None
        subject = claims["sub"]
        # It ends up in answers and logs, and a lone surrogate, for one, cannot be written at all.
        if not (0 < len(subject) <= MAX_SUBJECT_CHARS and subject.isprintable()):
            self._say(token, key_id, "its subject cannot be written down")
            return None
        # A user of the same name is another principal, hence the prefix, which no name can have.
        scopes = granted(claims, self._scope_claims, self._scope_prefix)
        caller = Principal(f"oidc:{subject}", scopes)
        return Verified(caller, int(claims["exp"]) + LEEWAY_S)

    def _say(self, token: str, key_id: str, reason: str) -> None:
        """Log why a token is refused: a setting may be wrong. Never the token itself."""
        now = time.monotonic()
        if now - self._said_at < SAY_EVERY_S:
            return
        self._said_at = now
        claims: dict[str, Any] = {}
        with suppress(jwt.PyJWTError):
            # What it says of itself, which nothing has verified.
            claims = jwt.decode(token, options={"verify_signature": False})
        about = {name: repr(claims.get(name))[:200] for name in ("iss", "aud")}
        extra = {"reason": reason, "kid": repr(key_id)[:200], **about}
        log.warning("a token of the identity provider was refused", extra=extra)


def granted(claims: dict[str, Any], names: Sequence[str], prefix: str = "") -> frozenset[str]:
    """Return the scopes of a token that this service knows.

    Args:
        claims: Of the token.
        names: Of claims that hold scopes: one text (RFC 9068), or a list.
        prefix: What the provider puts before each scope of this service.
    """
    said = [claims.get(name) for name in names]
    words = [word for one in said if isinstance(one, str) for word in one.split()]
    words += [
        word for one in said if isinstance(one, list) for word in one if isinstance(word, str)
    ]
    return frozenset(one for one in SCOPES if f"{prefix}{one}" in words)
