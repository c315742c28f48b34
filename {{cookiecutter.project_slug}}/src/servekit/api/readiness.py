"""Checks whether the service can answer now."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from time import monotonic
from typing import NamedTuple

from servekit.contracts import ModelError

log = logging.getLogger(__name__)

TIMEOUT_S = 1.0
CACHE_S = 1.0

Check = Callable[[], Awaitable[str | None]]
"""Raises ModelError for what cannot answer. May return a note for operators."""


NO_ANSWER = "It does not answer; requests go on without it."


class Findings(NamedTuple):
    """What the checks found.

    failing: the names of those that fail; none when the service is ready.
    notes: conditions of the others, by name.
    """

    failing: Sequence[str]
    notes: Mapping[str, str]


class Readiness:
    """Runs all checks concurrently, at most once a second.

    dispensable: names of what the service can do without; it only has a note when it fails.
    """

    def __init__(
        self,
        checks: Sequence[tuple[str, Check]],
        dispensable: Collection[str] = (),
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._checks = checks
        self._dispensable = dispensable
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()
        self._findings = Findings([], {})
        self._checked_at = float("-inf")

    async def findings(self) -> Findings:
        async with self._lock:
            if monotonic() - self._checked_at >= CACHE_S:
                by_name = await asyncio.gather(*(self._ask(*check) for check in self._checks))
                self._findings = Findings(
                    [name for name, note in by_name if note is None],
                    {name: note for name, note in by_name if note},
                )
                self._checked_at = monotonic()
            return self._findings

    async def _ask(self, name: str, check: Check) -> tuple[str, str | None]:
        """Return the note of a check, "" when it has none; None when it fails."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return name, await check() or ""
        except (ModelError, TimeoutError):
            pass
        except Exception:
            log.exception("a readiness check failed unexpectedly")
        return name, NO_ANSWER if name in self._dispensable else None
