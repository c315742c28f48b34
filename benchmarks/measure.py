"""Visits to contenders: start one, load it, look what it used, stop it."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from . import loads
from .configurations import configuration
from .contenders import Contender
from .environments import FOLDER, PROJECT, programs, variables
from .loads import Load, Outcome
from .plan import Plan
from .services import Service, Usage, serving


@dataclass(frozen=True)
class Measurement:
    """What came of a load, and what each kind of process used meanwhile."""

    load: str
    outcome: Outcome
    cpu_s: dict[str, float]
    load_average: float

    @property
    def valid(self) -> bool:
        """Whether it counts: a failed request or a wrong answer disqualifies."""
        return self.outcome.requests > 0 and self.outcome.failed == 0


@dataclass(frozen=True)
class Visit:
    """One start of a contender. memory: after the loads, by kind of process."""

    contender: str
    processes: int
    number: int
    start_s: float
    measurements: list[Measurement]
    memory: dict[str, Usage]


def visits(plan: Plan) -> Iterator[Visit]:
    for number in range(plan.rounds):
        # Each round begins with another one, so that none always runs after the same.
        shift = number % len(plan.contenders)
        for contender in plan.contenders[shift:] + plan.contenders[:shift]:
            yield visit(contender, plan, number)


def visit(contender: Contender, plan: Plan, number: int) -> Visit:
    with started(contender, plan.processes) as service:
        todo = plan.loads_of(contender)
        for kind in dict.fromkeys(load.kind for load in todo):
            # Every kind once with many connections: code paths, connections, worker threads.
            widest = max((one for one in todo if one.kind == kind), key=lambda one: one.connections)
            loads.run(widest, plan.warm_up_s, FOLDER)
        return Visit(
            contender=contender.name,
            processes=plan.processes,
            number=number,
            start_s=service.start_s,
            measurements=[measurement(service, load, plan.seconds) for load in todo],
            memory=service.usage(),
        )


def started(contender: Contender, processes: int) -> AbstractContextManager[Service]:
    config = configuration(
        contender.placement or "separate", processes, application_path=contender.application
    )
    command = contender.arguments(programs(contender.environment), config, processes)
    environment = variables(processes) | dict(contender.settings)
    log = FOLDER / f"{contender.name}.log"
    ready = partial(loads.answers, contender.listed)
    return serving(command, PROJECT, environment, log, ready)


def measurement(service: Service, load: Load, seconds: int) -> Measurement:
    before = service.usage()
    outcome = loads.run(load, seconds, FOLDER)
    after = service.usage()
    return Measurement(
        load=load.name,
        outcome=outcome,
        cpu_s={kind: used.cpu_s - before.get(kind, Usage()).cpu_s for kind, used in after.items()},
        load_average=os.getloadavg()[0],
    )
