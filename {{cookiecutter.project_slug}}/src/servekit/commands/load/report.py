"""What a load test saw, for a person at a terminal."""

from collections import Counter
from collections.abc import Sequence

from .measurements import Measurements, percentile

BARS = "▁▂▃▄▅▆▇█"
MOST_KINDS = 5
BUSY = 0.9
"""The part of a core beyond which Locust, not the service, may have set the pace."""


def report(measured: Measurements) -> str:
    failed = measured.failures.total()
    lines = [
        "",
        f"  requests      {measured.requests:,} in {measured.seconds:.1f} s, {failed:,} failed",
        *(answers(measured) if measured.answers else []),
        *kinds(measured.failures),
    ]
    if measured.retried:
        times = f"{measured.retried.total():,} times"
        lines += ["", f"  Requests were sent again {times}, after:", *kinds(measured.retried)]
    if measured.cpu > BUSY:
        share = f"{measured.cpu:.0%} of a core"
        lines += ["", f"  The load test itself used {share}: it may be the limit, not the service."]
    return "\n".join(lines)


def answers(measured: Measurements) -> list[str]:
    took_ms = measured.took_ms()
    slices = measured.slices()
    latencies = [f"p{percent} {percentile(took_ms, percent):,.1f}" for percent in (50, 90, 99)]
    return [
        f"  rate          {len(took_ms) / measured.seconds:,.1f} right answers a second",
        f"  latency, ms   {'   '.join(latencies)}   max {took_ms[-1]:,.1f}",
        "",
        f"  rate by time  {bars([one.rate for one in slices])}",
        f"  p99 by time   {bars([percentile(one.took_ms, 99) for one in slices])}",
    ]


def kinds(counted: Counter[str]) -> list[str]:
    """The most frequent kinds of failures, below an empty line; nothing if there are none."""
    more = len(counted) - MOST_KINDS
    return [
        *([""] if counted else []),
        *(f"  {count:,} × {kind}" for kind, count in counted.most_common(MOST_KINDS)),
        *([f"  and {more} more kinds of failures"] if more > 0 else []),
    ]


def bars(values: Sequence[float]) -> str:
    """One bar for each value, from zero up to the highest."""
    highest = max(values, default=0) or 1
    return "".join(BARS[min(7, int(value / highest * 8))] for value in values)
