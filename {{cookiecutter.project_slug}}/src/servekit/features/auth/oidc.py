"""Verifies tokens of an identity provider (OpenID Connect)."""

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


class IdentityProvider:
    """Verifies tokens with the provider's keys, without asking it about each."""

    algorithms = frozenset(ALGORITHMS.values())

    def __init__(self, settings: AuthSettings, keys: SigningKeys) -> None:
        self._issuer = settings.issuer
        self._audience = settings.audience
        self._keys = keys

    def generation(self) -> int:
        """Return another number whenever other keys are trusted."""
        return self._keys.generation

    async def verified(self, token: str, key_id: str) -> Verified | None:
        key = await self._keys.find(key_id)
        if key is None:
            return None
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": ["aud", "exp", "iss", "sub"]},
            )
        except jwt.PyJWTError:
            return None
        subject = claims["sub"]
        # It ends up in answers and logs, and a lone surrogate, for one, cannot be written at all.
        if not (0 < len(subject) <= MAX_SUBJECT_CHARS and subject.isprintable()):
            return None
        # A user of the same name is another principal, hence the prefix, which no name can have.
        caller = Principal(f"oidc:{subject}", granted(claims))
        return Verified(caller, int(claims["exp"]) + LEEWAY_S)


def granted(claims: dict[str, Any]) -> frozenset[str]:
    """Return the scopes of a token that this service knows.

    RFC 9068 says `scope`, one text; some providers say `scp`, a text or a list.
    """
    said = claims.get("scope", claims.get("scp", ""))
    words = said.split() if isinstance(said, str) else said
    return frozenset(one for one in SCOPES if isinstance(words, list) and one in words)
