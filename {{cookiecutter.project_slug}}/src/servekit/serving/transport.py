"""The transport to a model, in this process or another."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Protocol

from servekit.contracts import ModelOverloadedError, ModelTimeoutError

PING_TIMEOUT_S = 0.8
"""Less than the second that readiness grants a check, which has to evaluate it too."""

JUST_NOW_S = 1.0
"""A model that answered a request this recently is not pinged."""

LATELY_S = 10.0
"""A model that refuses or ignores a ping, but answered a request this recently, is busy."""


class ModelTransport(Protocol):
    """Calls methods of a model. Both ways raise ModelError and its subclasses alone."""

    async def call(self, method: str, *args: Any) -> Any:
        """Return the method's answer, within the time limit of a request."""
        ...

    def stream(self, method: str, *args: Any) -> AsyncGenerator[Any, None]:
        """Yield the method's answers, each within the time limit of a request."""
        ...


@asynccontextmanager
async def time_limit(timeout_s: float, model: str) -> AsyncIterator[None]:
    """Raise ModelTimeoutError when the block takes longer, in seconds."""
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
        """Check that the model answers `ping`, or has answered a request lately.

        Args:
            ping: Calls the model.
            even_just_now: Ping it for its card, although it has answered just now.

        Raises:
            ModelError: It did neither.
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
