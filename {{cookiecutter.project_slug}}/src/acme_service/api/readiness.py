"""Whether the service can answer now."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

from acme_service.ports import ModelError

log = logging.getLogger(__name__)

TIMEOUT_S = 1.0
CACHE_S = 1.0

Check = Callable[[], Awaitable[None]]


class Readiness:
    """Runs all checks side by side, at most once a second however often it is asked."""

    def __init__(self, checks: Sequence[tuple[str, Check]], timeout_s: float = TIMEOUT_S) -> None:
        self._checks = checks
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()
        self._failing: list[str] = []
        self._checked_at = float("-inf")

    async def failing(self) -> list[str]:
        """The names of the checks that fail; none when the service is ready."""
        async with self._lock:
            if monotonic() - self._checked_at >= CACHE_S:
                passed = await asyncio.gather(*(self._passes(check) for _, check in self._checks))
                self._failing = [
                    name for (name, _), ok in zip(self._checks, passed, strict=True) if not ok
                ]
                self._checked_at = monotonic()
            return self._failing

    async def _passes(self, check: Check) -> bool:
        try:
            async with asyncio.timeout(self._timeout_s):
                await check()
        except (ModelError, TimeoutError):
            return False
        except Exception:
            log.exception("a readiness check failed unexpectedly")
            return False
        return True
