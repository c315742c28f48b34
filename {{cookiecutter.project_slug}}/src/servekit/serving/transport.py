"""The transport to a model, wherever it runs."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Protocol

from servekit.contracts import ModelOverloadedError, ModelTimeoutError

PING_TIMEOUT_S = 0.8
"""Under the second that readiness grants a check, so that there is time to judge."""

JUST_NOW_S = 1.0
"""A model that answered somebody this recently need not be asked."""

LATELY_S = 10.0
"""A model that refuses or ignores a ping, but answered somebody this recently, is busy."""


class ModelTransport(Protocol):
    """Calls methods of a model. Both ways raise ModelError and its kin, and nothing else."""

    async def call(self, method: str, *args: Any) -> Any:
        """The method's answer, within the time a request may take."""
        ...

    def stream(self, method: str, *args: Any) -> AsyncGenerator[Any, None]:
        """The method's answers, each within the time a request may take."""
        ...


@asynccontextmanager
async def time_limit(timeout_s: float, model: str) -> AsyncIterator[None]:
    """Raises ModelTimeoutError when the block takes longer."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError:
        raise timeout_error(model) from None


def timeout_error(model: str) -> ModelTimeoutError:
    return ModelTimeoutError(f"The {model} model did not answer in time.")


class LivenessTracker:
    """Distinguishes busy from stuck: a busy model has responded recently."""

    def __init__(self, lately_s: float = LATELY_S, ping_timeout_s: float = PING_TIMEOUT_S) -> None:
        self._lately_s = lately_s
        self._ping_timeout_s = ping_timeout_s
        self._last_answer = float("-inf")

    def answered(self) -> None:
        self._last_answer = monotonic()

    async def check(
        self, ping: Callable[[], Awaitable[Any]], *, even_just_now: bool = False
    ) -> None:
        """Raises ModelError when the model neither answers `ping` nor has answered lately.

        even_just_now: ping it for the sake of what it says, though it has answered just now.
        """
        if self._answered_within(JUST_NOW_S) and not even_just_now:
            return
        try:
            async with time_limit(self._ping_timeout_s, "asked"):
                await ping()
        except (ModelOverloadedError, ModelTimeoutError):
            if not self._answered_within(self._lately_s):
                raise
        else:
            self.answered()

    def _answered_within(self, seconds: float) -> bool:
        return monotonic() - self._last_answer < seconds
