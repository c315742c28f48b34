"""Caches the public keys of an identity provider (JWKS)."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import jwt
from fastapi import HTTPException

log = logging.getLogger(__name__)

FRESH_S = 300.0
COOLDOWN_S = 10.0
TIMEOUT_S = 3.0
MAX_BYTES = 512 * 1024
MIN_RSA_BITS = 2048

ALGORITHMS = {("RSA", None): "RS256", ("EC", "P-256"): "ES256"}
"""The algorithm of a token follows from its key, never from the token."""


def discovery_address(issuer: str) -> str:
    return issuer.rstrip("/") + "/.well-known/openid-configuration"


class SigningKeys:
    """The keys: fetched when the service starts and every few minutes, beside the requests.

    A token that names a key which is not among them has them fetched once more, but only after
    a pause, however many such tokens come. While the provider is away, the last ones stay;
    once it says that it has others, or none, they go.

    address: where they are; by default the provider is asked for it.
    generation: another number whenever the keys are others.
    """

    def __init__(
        self,
        issuer: str,
        address: str = "",
        fresh_s: float = FRESH_S,
        cooldown_s: float = COOLDOWN_S,
    ) -> None:
        self.generation = 0
        self._issuer = issuer
        self._address = address
        self._fresh_s = fresh_s
        self._cooldown_s = cooldown_s
        self._client: httpx2.AsyncClient
        self._published: list[Any] | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator[None]:
        """Fetch the keys repeatedly inside the block, even if the provider is away at first."""
        async with httpx2.AsyncClient(timeout=TIMEOUT_S) as self._client:
            await self._fetch_once()
            repeating = asyncio.create_task(self._repeat())
            try:
                yield
            finally:
                under_way = {repeating, self._fetching or repeating}
                for task in under_way:
                    task.cancel()
                await asyncio.wait(under_way)

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """Return the key of this id, or None. Raises HTTPException (503) without any keys yet."""
        if key_id not in self._keys and self._may_fetch():
            await self._fetch_once()
        if self._published is None:
            raise HTTPException(
                503, "The identity provider does not answer.", {"Retry-After": "10"}
            )
        return self._keys.get(key_id)

    def _may_fetch(self) -> bool:
        return self._is_fetching() or time.monotonic() - self._tried_at >= self._cooldown_s

    def _is_fetching(self) -> bool:
        return self._fetching is not None and not self._fetching.done()

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(self._fresh_s if self._keys else self._cooldown_s)
            await self._fetch_once()

    async def _fetch_once(self) -> None:
        """Fetch the keys; concurrent callers share one fetch."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        self._tried_at = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                published = await self._download()
            keys = dict(usable(published))
        except Exception as error:
            # Whatever it is: what the provider sends must not stop the service.
            log.warning("the identity provider's keys could not be fetched: %r", error)
            return
        if not keys:
            log.warning("the identity provider has no key that can be used")
        if published != self._published:
            self._published, self._keys = published, keys
            self.generation += 1

    async def _download(self) -> list[Any]:
        published = (await self._read(self._address or await self._discovered()))["keys"]
        if not isinstance(published, list):
            raise TypeError("its keys are no list")
        return published

    async def _discovered(self) -> str:
        """Return where the keys are, as the provider says."""
        provider = await self._read(discovery_address(self._issuer))
        if provider["issuer"] != self._issuer:
            raise ValueError("it calls itself by another name than AUTH_ISSUER")
        address = str(provider["jwks_uri"])
        if address.partition(":")[0] not in {"https", self._issuer.partition(":")[0]}:
            raise ValueError("its keys are not at an https address")
        return address

    async def _read(self, address: str) -> dict[str, Any]:
        content = bytearray()
        async with self._client.stream("GET", address) as response:
            response.raise_for_status()
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > MAX_BYTES:
                    raise ValueError("its answer is too large")
        return json.loads(content)


def usable(published: list[Any]) -> Iterator[tuple[str, jwt.PyJWK]]:
    """Yield the keys, by id, that may sign tokens; never a shared secret."""
    for one in published:
        try:
            key = _usable(one)
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
            continue  # However odd it is, the others are as good as before.
        if key:
            yield one["kid"], key


def _usable(one: Any) -> jwt.PyJWK | None:
    """Return a usable key or None. Raises various errors when it is not a key at all."""
    algorithm = ALGORITHMS.get((one.get("kty", ""), one.get("crv")))
    name = one.get("kid")
    if not (isinstance(name, str) and name) or "d" in one or one.get("use", "sig") != "sig":
        return None
    if algorithm is None or one.get("alg", algorithm) != algorithm:
        return None
    key = jwt.PyJWK(one, algorithm)
    return key if algorithm != "RS256" or key.key.key_size >= MIN_RSA_BITS else None
