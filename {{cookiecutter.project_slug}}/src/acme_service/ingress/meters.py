"""Where numbers go."""

from collections.abc import Mapping
from typing import Any

from ray.serve import metrics

SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096]


def _keys(labels: Mapping[str, str]) -> Any:
    # Ray annotates a tuple of one; it takes any number.
    return tuple(labels)


class RayMeter:
    """Hands numbers to Ray's metrics agent, which adds them up over all replicas.

    The agent keeps counts, not sums: what it says of the sum of a distribution is a guess from
    the middle of each bucket.
    """

    def __init__(self) -> None:
        self._metrics: dict[str, Any] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        if name not in self._metrics:
            self._metrics[name] = metrics.Counter(name, tag_keys=_keys(labels))
        self._metrics[name].inc(amount, tags=labels)

    def observe(self, name: str, value: float, **labels: str) -> None:
        if name not in self._metrics:
            boundaries = SECONDS if name.endswith("_seconds") else SIZES
            self._metrics[name] = metrics.Histogram(
                name, boundaries=boundaries, tag_keys=_keys(labels)
            )
        self._metrics[name].observe(value, tags=labels)
