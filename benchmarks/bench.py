"""The steps of `make bench`."""

import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from scripts.ports import refuse_taken_port
from scripts.stopping import adopt_orphans

from . import HOST, PORT
from .batching import measure_batching
from .cost import measure_cost
from .environments import FOLDER, PreparationError, prepare
from .features import measure_features
from .flames import draw_flames
from .floors import FLOORS, QUICK_FLOORS, Floor, verdicts
from .idle import idle_worker_bytes
from .loads import LoadError
from .measure import Visit, visits
from .models import measure_models
from .plan import ONE_PROCESS, QUICK, TWO_PROCESSES, Plan
from .report import PLOTS, write_report
from .results import Results
from .services import ServiceError
from .starts import start_each

LEAST_GIB = 6


MODES: dict[str, Callable[[], int]] = {
    "FEATURES": measure_features,
    "BATCHING": measure_batching,
    "MODELS": measure_models,
    "COST": measure_cost,
    "STARTS": start_each,
}
"""What is done instead, by the variable that asks for it."""

WITHOUT_LOAD = {"COST", "STARTS"}


def bench(quick: bool = False, mode: str = "") -> int:
    """The exit status: 0 when every floor holds."""
    if mode not in WITHOUT_LOAD:
        refuse_what_cannot_work()
    adopt_orphans()
    plans = [QUICK] if quick else [ONE_PROCESS, TWO_PROCESSES]
    results = Results(machine())
    try:
        if mode:
            return MODES[mode]()
        print("Rendering the default project, and making the environments …", flush=True)
        prepare({one.environment for plan in plans for one in plan.contenders})
        if not quick:
            results.idle_worker_bytes = idle_worker_bytes()
        for plan in plans:
            measure(plan, results)
        if not quick:
            write_report(results)
            draw_flames(PLOTS)
    except (PreparationError, ServiceError, LoadError) as error:
        sys.exit(str(error))
    return say_verdicts(results, QUICK_FLOORS if quick else FLOORS)


def refuse_what_cannot_work() -> None:
    if not shutil.which("wrk"):
        sys.exit("The benchmarks need wrk: install the package of that name.")
    refuse_taken_port(HOST, PORT, "start again")
    free_gib = psutil.virtual_memory().available / 1024**3
    if free_gib < LEAST_GIB:
        sys.exit(f"The benchmarks need {LEAST_GIB} GiB of free memory; {free_gib:.1f} are there.")


def measure(plan: Plan, results: Results) -> None:
    print(f"\n{plan.title}, {plan.rounds} rounds", flush=True)
    for one in visits(plan):
        results.visits.append(one)
        results.save(FOLDER / "results.json")
        print(line(one), flush=True)


def line(visit: Visit) -> str:
    found = [
        f"{one.load} {one.outcome.per_second:.0f}/s" if one.valid else f"{one.load} failed"
        for one in visit.measurements
    ]
    return f"{visit.number + 1}  {visit.contender:15} {', '.join(found)}"


def say_verdicts(results: Results, floors: Sequence[Floor]) -> int:
    print()
    failed = 0
    for floor, found in verdicts(results, floors):
        holds = floor.holds(found)
        failed += not holds
        value = f"{found.middle:.2f} ({found.least:.2f} to {found.most:.2f})" if found else "none"
        print(f"{'holds' if holds else 'FAILS':6} {floor.title:48} {value:26} {floor.bound}")
    return 1 if failed else 0


def machine() -> dict[str, str]:
    """What the numbers depend on, besides the code."""
    model = next(
        (
            one.partition(":")[2].strip()
            for one in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if one.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "processor": f"{psutil.cpu_count()} cores, {model}",
        "memory": f"{psutil.virtual_memory().total / 1024**3:.0f} GiB",
        "system": platform.platform(),
        "Python": platform.python_version(),
    }
