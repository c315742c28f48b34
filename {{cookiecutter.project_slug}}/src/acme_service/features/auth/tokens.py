"""Tokens that this service signs itself."""

import time
from collections.abc import Iterable

import jwt

from acme_service.api.caller import Caller

from .bearer import Verified
from .settings import AuthSettings

ALGORITHM = "HS256"
SERVICE = "acme-service"
"""Whose tokens they are and whom they are for: not another service's that has the same secret."""


class OwnTokens:
    """Signs tokens for users, and tells whom a token was signed for.

    A token says no more than what its user may do now: whoever is taken out of the settings, or
    loses a scope, loses it in tokens that are still good.
    """

    def __init__(self, settings: AuthSettings) -> None:
        self.users = settings.users
        self.lifetime_s = settings.token_lifetime_s
        self._scopes = {user.name: user.scopes for user in settings.users}
        self._secrets = [one.get_secret_value().encode() for one in settings.secrets]

    def granted(self, name: str, asked: Iterable[str]) -> frozenset[str]:
        """What a user gets who asks for some scopes, or for none in particular."""
        return self._scopes[name] & (frozenset(asked) or self._scopes[name])

    def issue(self, name: str, scopes: Iterable[str]) -> str:
        now = int(time.time())
        claims = {
            "iss": SERVICE,
            "aud": SERVICE,
            "sub": name,
            "scope": " ".join(sorted(scopes)),
            "iat": now,
            "exp": now + self.lifetime_s,
        }
        return jwt.encode(claims, self._secrets[0], ALGORITHM)

    def verified(self, token: str) -> Verified | None:
        for secret in self._secrets:
            try:
                claims = jwt.decode(
                    token,
                    secret,
                    algorithms=[ALGORITHM],
                    audience=SERVICE,
                    issuer=SERVICE,
                    options={"require": ["exp", "iat", "sub", "scope"]},
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.PyJWTError:
                return None
            return self._accepted(claims["sub"], str(claims["scope"]), claims["exp"])
        return None

    def _accepted(self, name: str, scope: str, expires_at: float) -> Verified | None:
        if name not in self._scopes:
            return None
        return Verified(Caller(name, self._scopes[name] & {*scope.split()}), expires_at)
