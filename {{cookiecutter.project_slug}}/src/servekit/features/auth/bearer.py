"""Verifies bearer tokens."""

import time
from hashlib import sha256

import jwt

from servekit.api.principal import Principal

from .oidc import IdentityProvider
from .tokens import OwnTokens, Verified

MAX_CHARS = 8 * 1024
REMEMBERED = 1024


class BearerTokens:
    """Verifies tokens of the service's own, and of an identity provider if there is one.

    Good tokens are remembered until they expire, because they come again with every request. They
    are forgotten when the provider's keys change; the service's own secrets do not change while it
    runs. Only their hashes are kept.
    """

    def __init__(self, own: OwnTokens, provider: IdentityProvider | None = None) -> None:
        self._own = own
        self._provider = provider
        self._cached: dict[bytes, Verified] = {}
        self._generation = 0

    async def authenticate(self, token: str) -> Principal | None:
        """The principal of a token, or None if anything about the token is wrong."""
        if len(token) > MAX_CHARS:
            return None
        if self._provider and self._provider.generation() != self._generation:
            self._forget()
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        if cached := self._cached.get(digest):
            if time.time() < cached.expires_at:
                return cached.caller
            del self._cached[digest]
        generation = self._generation
        verified = await self._verified(token)
        if verified is None:
            return None
        if generation == self._generation:
            self._remember(digest, verified)
        return verified.caller

    async def _verified(self, token: str) -> Verified | None:
        # The header only selects the verifier; each accepts its own algorithms alone.
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError):
            return None
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str):
            return None
        if not self._provider or algorithm not in self._provider.algorithms:
            return self._own.verified(token)
        return await self._provider.verified(token, key_id) if key_id else None

    def _remember(self, digest: bytes, verified: Verified) -> None:
        while len(self._cached) >= REMEMBERED:
            del self._cached[next(iter(self._cached))]
        self._cached[digest] = verified

    def _forget(self) -> None:
        self._cached.clear()
        self._generation = self._provider.generation() if self._provider else 0
