"""`make bench COST=1`: the CPU time of one request in process, beside an idiomatic FastAPI route.

It takes a minute, and what it says does not depend on the machine: no server, no network, no load.
"""

from collections import defaultdict
from pathlib import Path
from statistics import median

from .environments import FOLDER, PreparationError, render, run, said_by
from .results import Spread

ROUNDS = 15
FEATURES = ("auth", "cache", "metrics", "rate_limit")
PROJECT = FOLDER / "my-service-cost"
REPORT = Path(__file__).parent / "cost.md"
PEER = "idiomatic"

TITLES = {
    PEER: "a FastAPI route as people write it, with a constant for a model",
    "bare": "ours, with a constant for a model and no feature",
    "sample": "ours, with the sample model behind batcher and versions, no feature",
    "featured": "ours, with a constant for a model: JWT, rate limit, metrics, cache (a miss), log",
}
GOALS = {"bare": 0.7, "sample": 2.0, "featured": 1.3}
"""Of the peer's time, at most."""

FLOORS = {"bare": 0.7, "sample": 2.5, "featured": 2.1}
"""What is reached, and a little: a guard that always failed would guard nothing."""

Costs = dict[str, list[float]]
"""Microseconds of each application, a round each."""


def measure_cost() -> int:
    """The exit status: 0 when the floors hold."""
    print(f"Rendering {PROJECT.name} …", flush=True)
    render(FEATURES, PROJECT)
    run("make", "setup", f"VENV={PROJECT}-env", folder=PROJECT)
    costs = measured()
    report = text(costs)
    REPORT.write_text(report, encoding="utf-8")
    print(f"\n{report}")
    return 0 if all(ratio(costs, name).middle <= most for name, most in FLOORS.items()) else 1


def measured() -> Costs:
    costs: Costs = defaultdict(list)
    for one in said_by("cost", str(ROUNDS), project=PROJECT):
        costs[one["application"]].append(one["us"])
    return costs


def ratio(costs: Costs, name: str) -> Spread:
    """Of an application's time to the peer's, round by round."""
    found = Spread.of(ours / peers for ours, peers in zip(costs[name], costs[PEER], strict=True))
    if found is None:
        raise PreparationError(f"The cost of {name} was not measured.")
    return found


def text(costs: Costs) -> str:
    lines = [
        "# What one request costs in process",
        "",
        "CPU time of one `POST /v1/detect`, without a server around it: the median of "
        f"{ROUNDS} rounds of {len(TITLES)} applications that take turns, `make bench COST=1`.",
        "Ratios are taken round by round, with the least and the most in parentheses.",
        "",
        "| | µs | to the idiomatic route | goal |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, title in TITLES.items():
        found = ratio(costs, name)
        share = f"**{found.middle:.2f}** ({found.least:.2f}–{found.most:.2f})"
        goal = GOALS.get(name)
        held = "" if goal is None else f"at most {goal:.1f}: {held_or_not(found.middle <= goal)}"
        lines.append(f"| {title} | {median(costs[name]):.0f} | {share} | {held} |")
    return "\n".join([*lines, ""])


def held_or_not(holds: bool) -> str:
    return "yes" if holds else "**no**"
