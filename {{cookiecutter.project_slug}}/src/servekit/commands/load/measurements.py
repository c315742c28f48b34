"""What a load test saw, as numbers."""

import time
from collections import Counter
from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

MOST_SLICES, FEWEST_SLICES = 60, 2


class Slice(NamedTuple):
    """A part of the measured time: right answers a second, and how long they took, sorted."""

    rate: float
    took_ms: list[float]


class Measurements:
    """Collects between `begin` and `end`; what comes earlier is warm-up, what comes later is late.

    failures: how often each kind of failure was met.
    retried: the same of attempts after which the request was sent again.
    cpu: the part of one core that this process used.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[float, float]] = []
        self.failures: Counter[str] = Counter()
        self.retried: Counter[str] = Counter()
        self.seconds = 0.0
        self.cpu = 0.0
        self._began: float | None = None
        self._cpu_before = 0.0

    @property
    def requests(self) -> int:
        return len(self.answers) + self.failures.total()

    def begin(self) -> None:
        self._cpu_before = time.process_time()
        self._began = time.perf_counter()

    def end(self) -> None:
        if self._began is not None:
            self.seconds = time.perf_counter() - self._began
            self.cpu = (time.process_time() - self._cpu_before) / self.seconds
            self._began = None

    def add(self, took_ms: float, failure: str | None) -> None:
        if self._began is None:
            return
        if failure is None:
            self.answers.append((time.perf_counter() - self._began, took_ms))
        else:
            self.failures[failure] += 1

    def add_retried(self, failure: str) -> None:
        if self._began is not None:
            self.retried[failure] += 1

    def took_ms(self) -> list[float]:
        """How long each right answer took, sorted."""
        return sorted(took for _, took in self.answers)

    def slices(self) -> list[Slice]:
        """The measured time in equal parts, of a second each where that makes a plot."""
        count = min(MOST_SLICES, max(FEWEST_SLICES, round(self.seconds)))
        width = self.seconds / count
        parts: list[list[float]] = [[] for _ in range(count)]
        for when, took in self.answers:
            parts[min(count - 1, int(when / width))].append(took)
        return [Slice(len(part) / width, sorted(part)) for part in parts]


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest of `ordered` that at least `percent` of them do not exceed; 0 of none."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0
