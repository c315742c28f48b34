"""`make bench MODELS=1`: models of some milliseconds that answer many as soon as one.

The sample answers in microseconds; what most people serve does not. How a server batches decides
then, and little else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from . import contenders, loads
from .environments import FOLDER, prepare
from .loads import LoadError, Outcome
from .measure import started
from .plan import MAIN
from .results import Spread

CALLS_MS = (5, 50)
ROUNDS = 3
SECONDS = 4
WARM_UP_S = 2
CONNECTIONS = (1, MAIN)
REPORT = Path(__file__).parent / "models.md"

OURS = tuple(
    replace(one, application="benchmarks.contenders.delayed:app")
    for one in (contenders.SEPARATE, contenders.INLINE)
)
PEERS = (contenders.BENTOML_BATCHED, contenders.LITSERVE)
ALL = (contenders.IDIOMATIC, *PEERS, *OURS)
TITLES = {one.name: one.title for one in ALL}
GOAL = 1.0
"""Of each peer's requests per second."""

Found = dict[tuple[int, str], list[list[Outcome]]]
"""Of each model and contender, in each round, what each number of callers got."""


def measure_models() -> int:
    """The exit status: 0 when the goals are reached."""
    prepare({one.environment for one in ALL})
    found: Found = {(call_ms, one.name): [] for call_ms in CALLS_MS for one in ALL}
    for number in range(ROUNDS):
        for call_ms in CALLS_MS:
            for one in ALL[number:] + ALL[:number]:
                outcomes = visit(one, call_ms)
                found[call_ms, one.name].append(outcomes)
                rates = ", ".join(f"{outcome.per_second:.0f}/s" for outcome in outcomes)
                print(f"{number + 1}  {call_ms} ms  {one.name:10} {rates}", flush=True)
    report = text(found)
    REPORT.write_text(report, encoding="utf-8")
    print(f"\n{report}")
    return 0 if all(spread.middle >= GOAL for *_, spread in ratios(found)) else 1


def visit(contender: contenders.Contender, call_ms: int) -> list[Outcome]:
    """Start the contender with such a model, and ask it by each number of callers."""
    settings = {**contender.settings, "CALL_MS": str(call_ms)}
    body = loads.body(contender.listed)
    with started(replace(contender, settings=settings), processes=1):
        asked = [replace(loads.single(count), body=body) for count in CONNECTIONS]
        loads.run(asked[-1], WARM_UP_S, FOLDER)
        outcomes = [loads.run(one, SECONDS, FOLDER) for one in asked]
    if failed := sum(one.failed for one in outcomes):
        raise LoadError(f"{contender.name}: {failed} requests failed.")
    return outcomes


def ratios(found: Found) -> Iterator[tuple[int, str, str, Spread]]:
    """Our requests per second over each peer's, round by round."""
    for call_ms in CALLS_MS:
        for ours in OURS:
            for peer in PEERS:
                pairs = zip(found[call_ms, ours.name], found[call_ms, peer.name], strict=True)
                spread = Spread.of(
                    one[-1].per_second / other[-1].per_second for one, other in pairs
                )
                if spread:
                    yield call_ms, ours.name, peer.name, spread


def text(found: Found) -> str:
    lines = [
        "# Models of some milliseconds",
        "",
        "The sample model, later by as much as the table says, whatever the batch holds; calls "
        "take turns, as on an accelerator.",
        f"`POST /v1/detect`, one process each, medians of {ROUNDS} rounds of {SECONDS} seconds: "
        "`make bench MODELS=1`.",
        "BentoML batches as its page on adaptive batching says, its callers send lists of one "
        "text; LitServe collects up to 32; ours is as rendered.",
        "",
        f"| model | | requests/s at {MAIN} connections | p50, ms | p99, ms | p50 alone, ms |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for (call_ms, name), rounds in found.items():
        alone, busy = zip(*rounds, strict=True)
        row = (
            TITLES[name],
            f"{median(one.per_second for one in busy):,.0f}",
            *(f"{ms(busy, percentile):.1f}" for percentile in ("p50_s", "p99_s")),
            f"{ms(alone, 'p50_s'):.1f}",
        )
        lines.append(f"| {call_ms} ms | {' | '.join(row)} |")
    lines += ["", "| ours / theirs | model | requests/s | goal |", "| --- | --- | ---: | --- |"]
    for call_ms, ours, peer, spread in ratios(found):
        share = f"**{spread.middle:.2f}** ({spread.least:.2f}–{spread.most:.2f})"
        held = "holds" if spread.middle >= GOAL else "misses"
        lines.append(f"| {ours} / {peer} | {call_ms} ms | {share} | {held} {GOAL:.1f} |")
    return "\n".join([*lines, ""])


def ms(outcomes: Sequence[Outcome], percentile: str) -> float:
    return median(getattr(one, percentile) for one in outcomes) * 1000
