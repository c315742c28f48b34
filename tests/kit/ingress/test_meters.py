"""Numbers on their way to Ray's metrics."""

from collections import Counter
from time import monotonic, sleep
from typing import Any

import pytest
from ray.serve import metrics

from servekit.ingress import meter as meters
from servekit.ingress.meter import RayMeter


def test_a_count_that_ray_refuses_takes_no_other_along(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: Counter[str] = Counter()

    class Noted(metrics.Counter):
        """Ray's own, which checks labels, and notes what it took."""

        def inc(self, value: float = 1.0, tags: Any = None) -> None:
            super().inc(value, tags)
            counted[self.info["name"]] += int(value)

    monkeypatch.setattr(meters.metrics, "Counter", Noted)
    monkeypatch.setattr(meters, "HAND_OVER_EVERY_S", 0.01)
    meter = RayMeter()

    def count_again(name: str, **labels: Any) -> int:
        before = counted["requests_total"]
        meter.count(name, **labels)
        meter.count("requests_total", route="x")
        deadline = monotonic() + 5
        while counted["requests_total"] == before and monotonic() < deadline:
            sleep(0.01)
        return counted["requests_total"]

    assert count_again("orders_total", kind="a") == 1
    assert count_again("orders_total", sort="a") == 2
    assert count_again("orders_total", kind=7) == 3
    assert count_again("orders_total", kind="a") == 4
    assert counted["orders_total"] == 2
