"""Signs and verifies this service's own tokens."""

import time
from collections.abc import Iterable
from typing import NamedTuple

import jwt

from servekit.api.principal import Principal

from .settings import AuthSettings

ALGORITHM = "HS256"


class Verified(NamedTuple):
    """The principal of a token, and when it expires, in seconds since 1970."""

    caller: Principal
    expires_at: float


class OwnTokens:
    """Signs and verifies the tokens of users.

    A token never allows more than its user may do now: a user or a scope that is removed from the
    settings is lost in valid tokens too.
    """

    def __init__(self, settings: AuthSettings, service: str) -> None:
        # Issuer and audience: another service may have the same secret.
        self._service = service
        self.users = settings.users
        self.lifetime_s = settings.token_lifetime_s
        self._scopes = {user.name: user.scopes for user in settings.users}
        self._secrets = [one.get_secret_value().encode() for one in settings.secrets]

    def granted(self, name: str, asked: Iterable[str]) -> frozenset[str]:
        """The scopes granted to a user for the scopes asked; all of theirs if none is named."""
        return self._scopes[name] & (frozenset(asked) or self._scopes[name])

    def issue(self, name: str, scopes: Iterable[str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self._service,
            "aud": self._service,
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
                    audience=self._service,
                    issuer=self._service,
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
        return Verified(Principal(name, self._scopes[name] & {*scope.split()}), expires_at)
