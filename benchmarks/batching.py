"""`make bench BATCHING=1`: whether `serve.batch` in the models' deployments pays."""

from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from .environments import FOLDER, render, run, said_by
from .results import Spread

ROUNDS = 3
SECONDS = 1.0
PROJECT = FOLDER / "my-service-batching"
REPORT = Path(__file__).parent / "batching.md"

TITLES = {"fixed": "a stand-in, 5 ms a call whatever is in it"}

Case = tuple[str, bool, int]
Rates = dict[Case, list[dict[str, float]]]


def measure_batching() -> int:
    print(f"Rendering {PROJECT.name} …", flush=True)
    render(("composition",), PROJECT)
    run("make", "setup", f"VENV={PROJECT}-env", folder=PROJECT)
    report = f"{sizes_text(said('batch_sizes'))}\n{text(found())}"
    REPORT.write_text(report, encoding="utf-8")
    print(report)
    return 0


def said(module: str, *arguments: str) -> list[dict[str, Any]]:
    """What a contender prints, with the settings of the fast profile."""
    profile = dict(
        line.split("=", 1)
        for line in (PROJECT / "deploy/serve.env").read_text(encoding="utf-8").splitlines()
        if "=" in line and not line.startswith("#")
    )
    settings = profile | {"RAY_SERVE_ENABLE_HA_PROXY": "0"}
    return said_by(module, *arguments, project=PROJECT, settings=settings)


def found() -> Rates:
    """Texts per second in each case, plain and batched, a round each."""
    rates: Rates = defaultdict(list)
    for one in said("batched", str(ROUNDS), str(SECONDS)):
        rates[one["model"], one["through_batcher"], one["ingresses"]].append(one)
    return rates


def sizes_text(sizes: list[dict[str, Any]]) -> str:
    by_model: dict[str, dict[int, float]] = defaultdict(dict)
    for one in sizes:
        by_model[one["model"]][one["size"]] = one["text_s"] * 1e6
    columns = sorted({one["size"] for one in sizes})
    lines = [
        "# What a larger batch can win",
        "",
        "Microseconds of a model for each text of a call, in process, by how many it holds: the "
        "best of five rounds.",
        "",
        f"| model | {' | '.join(map(str, columns))} |",
        f"| --- |{' ---: |' * len(columns)}",
    ]
    for model, taken in by_model.items():
        lines.append(f"| {model} | {' | '.join(f'{taken[size]:.0f}' for size in columns)} |")
    return "\n".join([*lines, ""])


def text(rates: Rates) -> str:
    lines = [
        "# What `serve.batch` adds",
        "",
        f"Texts per second through one model replica, 32 callers, medians of {ROUNDS} rounds of "
        f"{SECONDS} seconds: `make bench BATCHING=1`.",
        "A batch stays open for 2 ms. "
        "Ratios are taken round by round, with the least and the most in parentheses.",
        "",
        "| model | in front of it | ingress replicas | plain | with `serve.batch` | ratio |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for (model, through_batcher, ingresses), rounds in rates.items():
        plain, batched = (median(one[kind] for one in rounds) for kind in ("plain", "batched"))
        ratio = Spread.of(one["batched"] / one["plain"] for one in rounds)
        front = "the batcher" if through_batcher else "a call for each text"
        share = f"**{ratio.middle:.2f}** ({ratio.least:.2f}–{ratio.most:.2f})" if ratio else ""
        rate = f"{plain:,.0f} | {batched:,.0f} | {share}"
        lines.append(f"| {TITLES.get(model, model)} | {front} | {ingresses} | {rate} |")
    return "\n".join([*lines, ""])
