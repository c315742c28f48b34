"""Exports metrics through Ray."""

import logging
from collections import defaultdict, deque
from threading import Event, Thread
from time import sleep
from typing import Any

from ray.serve import metrics

log = logging.getLogger(__name__)

SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0]
SIZES = [float(2**power) for power in range(13)]
HAND_OVER_EVERY_S = 0.5

Labels = tuple[tuple[str, str], ...]


def _keys(labels: Labels) -> Any:
    # Ray annotates a tuple of one; it takes any number.
    return tuple(name for name, _ in labels)


class RayMeter:
    """Hands numbers to Ray's metrics agent, which adds them up over all replicas.

    Ray takes some microseconds for each number, so counts are added up here first. The agent
    keeps distributions as counts in buckets: what it says of their sum is a guess.
    """

    def __init__(self) -> None:
        self._metrics: dict[str, Any] = {}
        self._counted: deque[tuple[str, Labels, float]] = deque()
        self._filled = Event()
        Thread(target=self._hand_over_repeatedly, name="meter", daemon=True).start()

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        self._counted.append((name, tuple(labels.items()), amount))
        if not self._filled.is_set():
            self._filled.set()

    def observe(self, name: str, value: float, **labels: str) -> None:
        if name not in self._metrics:
            boundaries = SECONDS if name.endswith("_seconds") else SIZES
            keys = _keys(tuple(labels.items()))
            self._metrics[name] = metrics.Histogram(name, boundaries=boundaries, tag_keys=keys)
        self._metrics[name].observe(value, tags=labels)

    def _hand_over_repeatedly(self) -> None:
        while self._filled.wait():
            sleep(HAND_OVER_EVERY_S)
            self._filled.clear()
            self._hand_over()

    def _hand_over(self) -> None:
        totals: defaultdict[tuple[str, Labels], float] = defaultdict(float)
        while self._counted:
            name, labels, amount = self._counted.popleft()
            totals[name, labels] += amount
        for (name, labels), total in totals.items():
            try:
                self._add(name, labels, total)
            except Exception:
                # Such as other labels than before. All other counts go on.
                log.exception("%s of %s are not counted", total, name)

    def _add(self, name: str, labels: Labels, total: float) -> None:
        if name not in self._metrics:
            self._metrics[name] = metrics.Counter(name, tag_keys=_keys(labels))
        self._metrics[name].inc(total, tags=dict(labels))
