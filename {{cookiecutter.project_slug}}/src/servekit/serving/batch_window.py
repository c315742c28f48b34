"""How long a batch stays open for requests that are about to come."""

from collections import deque

SLOW_S = 0.004
"""Calls to a model in another process take less, where the model itself takes no time."""

AT_MOST_S = 0.02


class BatchWindow:
    """Keeps batches of a slow model open for the callers that it has just answered.

    They ask again a few milliseconds later. A batch that leaves without them leaves half empty, and
    so does every batch after it, while a model on an accelerator answers thirty items as soon as
    one. So a batch waits for a share of the time that calls take, or until as many ask as did when
    the last call ended. With a quick model, or a lone caller, it waits for nothing.

    Args:
        share: Of the time of a call.
    """

    RECENT = 16

    def __init__(self, share: float) -> None:
        self._share = share
        self._recent_s: deque[float] = deque(maxlen=self.RECENT)
        self._asked = 0
        self.call_s = 0.0
        """The shortest of the recent calls, in seconds: a busy machine makes none shorter."""

    def ended(self, seconds: float | None, asked: int) -> None:
        """Note how long a call took, and how many requests waited when it ended, its own too."""
        if seconds is not None:
            self._recent_s.append(seconds)
            self.call_s = min(self._recent_s)
        self._asked = asked

    def open_s(self, asking: int) -> float:
        """Return how long a batch may stay open while so many requests wait for an answer."""
        if asking >= self._asked or self.call_s < SLOW_S:
            return 0.0
        return min(self._share * self.call_s, AT_MOST_S)
