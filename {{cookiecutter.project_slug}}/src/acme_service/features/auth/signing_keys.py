"""The public keys of an identity provider."""

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
    """Fetched when the service starts and again every few minutes, off the path of requests.

    A token that names a key which is not among them has them fetched once more, but only after
    a pause, however many such tokens come. While the provider is away, the last ones stay.

    generation: another number whenever the keys are others.
    """

    def __init__(
        self, issuer: str, fresh_s: float = FRESH_S, cooldown_s: float = COOLDOWN_S
    ) -> None:
        self.generation = 0
        self._issuer = issuer
        self._fresh_s = fresh_s
        self._cooldown_s = cooldown_s
        self._client: httpx2.AsyncClient
        self._published: Any = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator[None]:
        """Without the provider the service starts too, and asks again soon."""
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
        """Raises HTTPException (503) when no keys were ever fetched."""
        if key_id not in self._keys and self._may_fetch():
            await self._fetch_once()
        if not self._keys:
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
        """Whoever comes while the keys are being fetched waits for the same fetch."""
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
        elif published != self._published:
            self._published, self._keys = published, keys
            self.generation += 1

    async def _download(self) -> Any:
        provider = await self._read(discovery_address(self._issuer))
        if provider["issuer"] != self._issuer:
            raise ValueError("it calls itself by another name than AUTH_ISSUER")
        address = str(provider["jwks_uri"])
        if address.partition(":")[0] not in {"https", self._issuer.partition(":")[0]}:
            raise ValueError("its keys are not at an https address")
        return (await self._read(address))["keys"]

    async def _read(self, address: str) -> dict[str, Any]:
        content = bytearray()
        async with self._client.stream("GET", address) as response:
            response.raise_for_status()
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > MAX_BYTES:
                    raise ValueError("its answer is too large")
        return json.loads(content)


def usable(published: list[dict[str, Any]]) -> Iterator[tuple[str, jwt.PyJWK]]:
    """The keys, by name, that may sign tokens; never a secret that both sides would share."""
    for one in published:
        algorithm = ALGORITHMS.get((one.get("kty", ""), one.get("crv")))
        if not one.get("kid") or "d" in one or one.get("use", "sig") != "sig":
            continue
        if algorithm is None or one.get("alg", algorithm) != algorithm:
            continue
        try:
            key = jwt.PyJWK(one, algorithm)
        except jwt.PyJWTError:
            continue
        if algorithm != "RS256" or key.key.key_size >= MIN_RSA_BITS:
            yield one["kid"], key
