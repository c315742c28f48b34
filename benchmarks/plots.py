"""Pictures of a run, as SVG, so that they are sharp in a README and small in git."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")  # before pyplot, which would look for a screen

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .contenders import ALL, Contender
from .measure import Measurement
from .plan import CONNECTIONS, MAIN
from .results import (
    Results,
    Spread,
    cpu_s_per_thousand,
    memory_mib,
    p50_ms,
    p99_ms,
    start_s,
    throughput,
)

COLOURS = {
    "idiomatic": "#8a8f98",
    "plain": "#b9bdc4",
    "raw": "#5b6068",
    "documented": "#c4473a",
    "bentoml": "#d9a441",
    "litserve": "#8b6fb0",
    "separate": "#1f6fb2",
    "inline": "#2a9d6f",
    "python-proxy": "#86b6dd",
}

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: small, and findable
    "svg.hashsalt": "benchmarks",  # the same numbers give the same file
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw_all(results: Results, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with mpl.rc_context(STYLE):
        draw_headline(results, folder / "headline.svg")
        draw_by_connections(results, throughput, "requests/s", folder / "throughput.svg")
        draw_by_connections(results, p50_ms, "p50, ms", folder / "p50.svg")
        draw_by_connections(results, p99_ms, "p99, ms", folder / "p99.svg")
        draw_use(results, folder / "use.svg")


def draw_headline(results: Results, path: Path) -> None:
    def rate(contender: Contender) -> Spread | None:
        return results.spread(contender.name, f"single-{MAIN}", throughput)

    figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
    draw_bars(axes, rate, "{:,.0f}")
    axes.set_title(f"POST /v1/detect, requests/s at {MAIN} connections", loc="left")
    save(figure, path)


def draw_bars(
    axes: Axes, value: Callable[[Contender], Spread | None], text: str, by_value: bool = True
) -> None:
    """A bar for each contender, with whiskers from the worst round to the best."""
    bars = [(one, found) for one in ALL if (found := value(one))]
    if by_value:
        bars.sort(key=lambda bar: bar[1].middle)
    for place, (contender, found) in enumerate(bars):
        colour = COLOURS[contender.name]
        axes.barh(place, found.middle, xerr=whiskers([found]), color=colour, ecolor="#555")
        axes.annotate(
            " " + text.format(found.middle),
            (found.most, place),
            va="center",
            xytext=(3, 0),
            textcoords="offset points",
        )
    axes.set_yticks(range(len(bars)), [contender.title for contender, _ in bars])
    axes.margins(x=0.12)


def draw_by_connections(
    results: Results, what: Callable[[Measurement], float], label: str, path: Path
) -> None:
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for contender in ALL:
        found = [results.spread(contender.name, f"single-{n}", what) for n in CONNECTIONS]
        points = [(n, one) for n, one in zip(CONNECTIONS, found, strict=True) if one]
        axes.errorbar(
            [n for n, _ in points],
            [one.middle for _, one in points],
            yerr=whiskers([one for _, one in points]),
            label=contender.title,
            color=COLOURS[contender.name],
            marker="o",
            capsize=3,
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(CONNECTIONS, [str(n) for n in CONNECTIONS])
    axes.set_xlabel("connections")
    axes.set_ylabel(label)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False)
    save(figure, path)


def whiskers(spreads: Sequence[Spread]) -> list[list[float]]:
    return [
        [one.middle - one.least for one in spreads],
        [one.most - one.middle for one in spreads],
    ]


def draw_use(results: Results, path: Path) -> None:
    """What an answer, the service at rest, and a start cost."""

    def cpu(contender: Contender) -> Spread | None:
        return results.spread(contender.name, f"single-{MAIN}", cpu_s_per_thousand)

    def memory(contender: Contender) -> Spread | None:
        return Spread.of(memory_mib(visit) for visit in results.of(contender.name))

    def start(contender: Contender) -> Spread | None:
        return Spread.of(start_s(visit) for visit in results.of(contender.name))

    figure, columns = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained", sharey=True)
    for axes, value, text, title in (
        (columns[0], cpu, "{:.1f}", "CPU seconds / 1,000 requests"),
        (columns[1], memory, "{:,.0f}", "resident memory, MiB"),
        (columns[2], start, "{:.1f}", "start to first answer, s"),
    ):
        draw_bars(axes, value, text, by_value=False)
        axes.set_title(title, loc="left", fontsize="medium")
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
