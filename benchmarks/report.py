"""`report.md`: what a full run found, in tables and pictures."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from string import Template

from . import plots
from .contenders import ALL, BATCH, PLAIN_SOCKETS, SOCKETS, STREAM, Contender
from .floors import AT_MAIN, FLOORS, PEOPLE, ratio, verdicts
from .loads import BATCH_SIZE
from .measure import Measurement
from .plan import CONNECTIONS, MAIN, ONE_PROCESS
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

FOLDER = Path(__file__).parent
PLOTS = FOLDER / "plots"
README = FOLDER.parent / "README.md"
BEGIN = "<!-- measured: `make bench` writes what follows -->"
END = "<!-- measured: end -->"


def write_report(results: Results) -> None:
    """Write report.md, the numbers behind it, its plots, and the headline of the README."""
    results.save(FOLDER / "results.json")
    plots.draw_all(results, PLOTS)
    (FOLDER / "report.md").write_text(text(results), encoding="utf-8")
    write_headline(results)


def text(results: Results) -> str:
    """What report.md says of these results."""
    template = (FOLDER / "report.md.template").read_text(encoding="utf-8")
    return Template(template).substitute(places(results))


def places(results: Results) -> dict[str, object]:
    """What stands in the places of report.md.template."""
    return {
        "rounds": ONE_PROCESS.rounds,
        "seconds": ONE_PROCESS.seconds,
        "connections": MAIN,
        "batch_size": BATCH_SIZE,
        "floors": floors(results),
        "one_process": single_answers(results, 1),
        "two_processes": single_answers(results, 2),
        "by_connections": by_connections(results),
        "use": use(results),
        "hops": hops(results),
        "streams": streams(results),
        "facts": facts(results),
        "disqualified": disqualified(results),
        **best_of_documented(results),
    }


def write_headline(results: Results) -> None:
    """Put the numbers of these results into the README, between its two marks."""
    README.write_text(with_headline(README.read_text(encoding="utf-8"), results), encoding="utf-8")


def with_headline(readme: str, results: Results) -> str:
    """A README with the numbers of these results in the place that is marked for them.

    Raises:
        ValueError: The README has no such place.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"README.md must have the lines {BEGIN!r} and {END!r}.")
    template = (FOLDER / "headline.md.template").read_text(encoding="utf-8")
    values = {**best_of_documented(results), **headline_ratios(results), "connections": MAIN}
    return f"{before}{begin}\n{Template(template).substitute(values)}{end}{after}"


def headline_ratios(results: Results) -> dict[str, str]:
    """How many times the throughput of peers inline placement reaches."""
    found = {
        "of_fastapi": ratio("inline", PEOPLE, AT_MAIN, throughput)(results),
        "of_bentoml": ratio("inline", "bentoml", AT_MAIN, throughput)(results),
    }
    return {name: f"{one.middle:.2f}" if one else "–" for name, one in found.items()}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def said(found: Spread | None, digits: int = 0) -> str:
    if found is None:
        return "–"
    middle, least, most = (
        f"{value:,.{digits}f}" for value in (found.middle, found.least, found.most)
    )
    return f"**{middle}** ({least}–{most})"


def floors(results: Results) -> str:
    rows = [
        (
            floor.title,
            said(found, 2),
            floor.bound,
            "yes" if floor.holds(found) else "**no**",
        )
        for floor, found in verdicts(results, FLOORS)
    ]
    return table(("ours / theirs", "found", "floor", "holds"), rows)


def single_answers(results: Results, processes: int) -> str:
    def cell(
        contender: Contender, load: str, what: Callable[[Measurement], float], digits: int = 0
    ) -> str:
        return said(results.spread(contender.name, load, what, processes), digits)

    rows = [
        (
            contender.title,
            cell(contender, f"single-{MAIN}", throughput),
            cell(contender, f"single-{MAIN}", p50_ms, 1),
            cell(contender, f"single-{MAIN}", p99_ms, 1),
            cell(contender, f"{BATCH}-{MAIN}", lambda one: throughput(one) * BATCH_SIZE),
        )
        for contender in ALL
    ]
    return table(("", "requests/s", "p50, ms", "p99, ms", "texts/s in batches"), rows)


def by_connections(results: Results) -> str:
    rows = [
        (
            contender.title,
            *(said(results.spread(contender.name, f"single-{n}", throughput)) for n in CONNECTIONS),
            said(results.spread(contender.name, "single-1", p50_ms), 2),
        )
        for contender in ALL
    ]
    return table(("requests/s at", *map(str, CONNECTIONS), "p50 of a lone caller, ms"), rows)


def use(results: Results) -> str:
    rows = [
        (
            contender.title,
            said(results.spread(contender.name, f"single-{MAIN}", cpu_s_per_thousand), 2),
            said(Spread.of(memory_mib(one) for one in results.of(contender.name))),
            said(Spread.of(start_s(one) for one in results.of(contender.name)), 1),
        )
        for contender in ALL
    ]
    heads = ("", "CPU s / 1,000 requests", "memory, MiB", "start to first answer, s")
    return table(heads, rows)


HOPS = {
    "proxy": "proxy",
    "ingress": "ingress",
    "service": "service",
    "model": "model",
    "around": "around it",
}


def hops(results: Results) -> str:
    """Where the CPU seconds of 1,000 requests go."""

    def cell(contender: Contender, kind: str) -> str:
        found = results.spread(
            contender.name,
            f"single-{MAIN}",
            lambda one: one.cpu_s.get(kind, 0.0) / one.outcome.requests * 1000,
        )
        return said(found, 2) if found and found.most >= 0.005 else ""

    rows = [(one.title, *(cell(one, kind) for kind in HOPS)) for one in ALL]
    return table(("CPU s / 1,000 requests in", *HOPS.values()), rows)


def streams(results: Results) -> str:
    able = {one.title: one for one in ALL if {STREAM, SOCKETS} & {*one.loads}}
    sockets = {one.title: one.name for one in (*ALL, PLAIN_SOCKETS) if SOCKETS in one.loads}
    rows = [
        (
            title,
            said(results.spread(one.name, f"{STREAM}-{MAIN}", throughput)),
            said(results.spread(one.name, f"{STREAM}-{MAIN}", p50_ms), 1),
            said(results.spread(sockets.get(title, ""), f"{SOCKETS}-{MAIN}", throughput)),
            said(results.spread(sockets.get(title, ""), f"{SOCKETS}-{MAIN}", p50_ms), 1),
        )
        for title, one in able.items()
    ]
    heads = ("", "SSE streams/s", "p50, ms", "WebSocket answers/s", "p50, ms")
    return table(heads, rows)


def best_of_documented(results: Results) -> dict[str, str]:
    """The documented pattern where it is fastest, and ours at that number of connections."""
    names = ("documented", "separate", "inline")
    places = ("documented_best", "separate_there", "inline_there", "documented_answers")
    found = [
        # What one connection reaches says how long a lone caller waits: the table has it beside.
        [results.spread(name, f"single-{n}", throughput) for name in names]
        for n in CONNECTIONS
        if n > 1
    ]
    whole = [[one.middle for one in rates if one] for rates in found if all(rates)]
    if not whole:
        return dict.fromkeys(places, "–")
    documented, *ours = max(whole)
    rates = (f"{documented:,.0f}", *(f"{one / documented:.0f}" for one in ours))
    answers = results.spread("documented", f"single-{MAIN}", lambda one: one.outcome.requests)
    return dict(zip(places, (*rates, said(answers)), strict=True))


def facts(results: Results) -> str:
    loads = [one.load_average for visit in results.visits for one in visit.measurements]
    lines = [f"- {name}: {value}" for name, value in results.machine.items()]
    lines.append(f"- load average after a measurement: {min(loads):.1f} to {max(loads):.1f}")
    lines += [f"- {one.title}: {one.page}" for one in ALL if one.page]
    return "\n".join(lines)


def disqualified(results: Results) -> str:
    found = results.disqualified()
    if not found:
        return "No measurement was disqualified."
    return "\n".join(["Disqualified:", "", *(f"- {one}" for one in found)])
