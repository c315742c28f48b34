"""All visits of a run, and questions to them."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from .loads import Outcome
from .measure import Measurement, Visit
from .services import Usage


@dataclass(frozen=True)
class Spread:
    """The median of the rounds, with the least and the most."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread | None":
        found = list(values)
        return cls(median(found), min(found), max(found)) if found else None


@dataclass
class Results:
    """Visits in the order of measuring, and the facts of the machine they were made on.

    idle_worker_bytes: resident memory of an idle Ray worker; 0 when it was not measured.
    """

    machine: dict[str, str]
    visits: list[Visit] = field(default_factory=list)
    idle_worker_bytes: int = 0

    def of(self, contender: str, processes: int = 1) -> list[Visit]:
        return [
            one for one in self.visits if one.contender == contender and one.processes == processes
        ]

    def rounds(self, contender: str, load: str, processes: int = 1) -> list[Measurement | None]:
        """Round by round; None for one that does not count."""
        found = sorted(self.of(contender, processes), key=lambda visit: visit.number)
        return [
            next((one for one in visit.measurements if one.load == load and one.valid), None)
            for visit in found
        ]

    def spread(
        self,
        contender: str,
        load: str,
        what: Callable[[Measurement], float],
        processes: int = 1,
    ) -> Spread | None:
        return Spread.of(what(one) for one in self.rounds(contender, load, processes) if one)

    def disqualified(self) -> list[str]:
        return [
            f"{visit.contender}, {one.load}, round {visit.number + 1}: "
            f"{one.outcome.failed} of {one.outcome.requests} failed"
            for visit in self.visits
            for one in visit.measurements
            if not one.valid
        ]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Results":
        saved = json.loads(path.read_text(encoding="utf-8"))
        return cls(**saved | {"visits": [visit_from(one) for one in saved["visits"]]})


def visit_from(saved: dict[str, Any]) -> Visit:
    measurements = [
        Measurement(**one | {"outcome": Outcome(**one["outcome"])}) for one in saved["measurements"]
    ]
    memory = {kind: Usage(**used) for kind, used in saved["memory"].items()}
    return Visit(**saved | {"measurements": measurements, "memory": memory})


def throughput(one: Measurement) -> float:
    return one.outcome.per_second


def p50_ms(one: Measurement) -> float:
    return one.outcome.p50_s * 1000


def p99_ms(one: Measurement) -> float:
    return one.outcome.p99_s * 1000


def cpu_s_per_thousand(one: Measurement) -> float:
    return sum(one.cpu_s.values()) / one.outcome.requests * 1000


def memory_mib(visit: Visit) -> float:
    return sum(used.resident_bytes for used in visit.memory.values()) / 1024**2


def start_s(visit: Visit) -> float:
    return visit.start_s
