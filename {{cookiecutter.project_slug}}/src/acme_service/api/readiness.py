"""Whether the service can answer now."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import NamedTuple

from acme_service.ports import ModelError

log = logging.getLogger(__name__)

TIMEOUT_S = 1.0
CACHE_S = 1.0

Check = Callable[[], Awaitable[str | None]]
"""Raises ModelError when something cannot answer. May return a note for operators."""


def dispensable(check: Check) -> Check:
    """For what the service can do without: a note in place of a failure."""

    async def noting() -> str | None:
        try:
            return await check()
        except ModelError:
            return "It does not answer; analyses go on without it."

    return noting


class Findings(NamedTuple):
    """What the checks found.

    failing: the names of those that fail; none when the service is ready.
    notes: what others have to say all the same, by name.
    """

    failing: Sequence[str]
    notes: Mapping[str, str]


class Readiness:
    """Runs all checks side by side, at most once a second however often it is asked."""

    def __init__(self, checks: Sequence[tuple[str, Check]], timeout_s: float = TIMEOUT_S) -> None:
        self._checks = checks
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()
        self._findings = Findings([], {})
        self._checked_at = float("-inf")

    async def findings(self) -> Findings:
        async with self._lock:
            if monotonic() - self._checked_at >= CACHE_S:
                said = await asyncio.gather(*(self._ask(check) for _, check in self._checks))
                by_name = [(name, note) for (name, _), note in zip(self._checks, said, strict=True)]
                self._findings = Findings(
                    [name for name, note in by_name if note is None],
                    {name: note for name, note in by_name if note},
                )
                self._checked_at = monotonic()
            return self._findings

    async def _ask(self, check: Check) -> str | None:
        """The note of a check, "" when it has none; None when it fails."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await check() or ""
        except (ModelError, TimeoutError):
            return None
        except Exception:
            log.exception("a readiness check failed unexpectedly")
            return None
