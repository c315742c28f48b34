"""`make bench FEATURES=1`: what features cost a request, and what the cache saves it.

Each set of features is a render of its own, started anew in every round.
"""

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from . import calls, contenders, loads
from .configurations import configuration
from .environments import FOLDER, PreparationError, prepare, render, run, variables
from .loads import Load, Outcome
from .measure import started
from .plan import MAIN
from .results import Spread
from .services import serving

ROUNDS = 3
SECONDS = 4
REPORT = Path(__file__).parent / "features.md"
USER = "bench"


@dataclass(frozen=True)
class Kind:
    """A render with some features, in one placement.

    settings: what is set besides.
    against: the kind that it is compared with.
    texts: how many different ones are asked in turn; 0: never the same again.
    status: what Cache-Status has to say of every answer.
    """

    name: str
    title: str
    features: frozenset[str]
    placement: str = "separate"
    against: str = ""
    texts: int = 1
    status: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def render(self) -> str:
        return "-".join(["my-service", *sorted(self.features)])


GUARDS = frozenset({"auth", "rate_limit", "metrics"})
CACHE = frozenset({"cache"})
KNOWN_TEXTS = 500
"""Well within what the cache keeps, and asked for while the service warms up."""

BARE = Kind("bare", "no features", frozenset())
GUARDED = Kind("guarded", "auth (JWT), rate limit, metrics", GUARDS, against="bare")
HIT = Kind("hit", "cache, known texts", CACHE, against="miss", texts=KNOWN_TEXTS, status="hit")
MISS = Kind("miss", "cache, new texts", CACHE, texts=0, status="fwd=miss")
PEER = contenders.BENTOML
INLINE = (
    Kind("quiet-inline", "no features, no log", frozenset(), settings=contenders.QUIET),
    Kind("bare-inline", "no features", frozenset(), against="quiet-inline"),
    Kind("auth-inline", "auth (JWT)", frozenset({"auth"}), against="bare-inline"),
    Kind("limit-inline", "rate limit", frozenset({"rate_limit"}), against="bare-inline"),
    Kind("metrics-inline", "metrics", frozenset({"metrics"}), against="bare-inline"),
    replace(MISS, name="miss-inline", against="bare-inline"),
    replace(GUARDED, name="guarded-inline", against="bare-inline"),
    Kind(
        "default-inline",
        "auth, rate limit, metrics, cache (new texts)",
        GUARDS | CACHE,
        against=PEER.name,
        texts=0,
        status="fwd=miss",
    ),
)
KINDS = (BARE, GUARDED, MISS, HIT, *(replace(one, placement="inline") for one in INLINE))
TITLES = {"quiet-inline": "the same without its log", PEER.name: PEER.title}
"""What kinds are compared with, where it is not what the row says."""


Found = dict[str, list[tuple[Outcome, Outcome]]]
"""Of every kind, by name and a round each, what a lone caller got and what MAIN of them got."""


def measure_features() -> int:
    """The exit status: 0 when the floors hold."""
    for kind in {one.render: one for one in KINDS}.values():
        print(f"Rendering {kind.render} …", flush=True)
        render(kind.features, FOLDER / kind.render)
        run("make", "setup", f"VENV={FOLDER / kind.render}-env", folder=FOLDER / kind.render)
    prepare([PEER.environment])
    found: Found = {name: [] for name in (PEER.name, *(kind.name for kind in KINDS))}
    for number in range(ROUNDS):
        found[PEER.name].append(visit_peer())
        for kind in KINDS[number % len(KINDS) :] + KINDS[: number % len(KINDS)]:
            lone, busy = visit(kind)
            found[kind.name].append((lone, busy))
            print(f"{number + 1}  {kind.name:15} {busy.per_second:.0f}/s", flush=True)
    report = f"{text(found)}\n{calls.text(calls.measure_calls())}"
    REPORT.write_text(report, encoding="utf-8")
    print(f"\n{report}")
    return 0 if holds(found) else 1


def visit_peer() -> tuple[Outcome, Outcome]:
    with started(PEER, processes=1):
        return measured(PEER.name, loads.single)


def measured(name: str, load: Callable[[int], Load]) -> tuple[Outcome, Outcome]:
    """A lone caller, then MAIN of them."""
    loads.run(load(MAIN), 2, FOLDER)
    lone, busy = (loads.run(load(count), SECONDS, FOLDER) for count in (1, MAIN))
    if lone.failed or busy.failed:
        raise loads.LoadError(f"{name}: {lone.failed + busy.failed} requests failed.")
    return lone, busy


def visit(kind: Kind) -> tuple[Outcome, Outcome]:
    folder = FOLDER / kind.render
    python = Path(f"{folder}-env") / "bin/python"
    settings, credentials = allowed(python, folder) if "auth" in kind.features else ({}, {})
    config = configuration(kind.placement, 1, folder)
    command = [str(python), "-m", "my_service", "serve", "--config", str(config)]
    environment = variables(project=folder) | settings | {"RATE_LIMIT_MODELS": "1000000/second"}
    environment |= kind.settings
    headers: dict[str, str] = {}
    with serving(command, folder, environment, FOLDER / f"{kind.name}.log", loads.is_up):
        headers |= credentials and {"Authorization": f"Bearer {token(credentials)}"}
        return measured(kind.name, lambda count: single(kind, count, headers))


def single(kind: Kind, connections: int, headers: Mapping[str, str]) -> Load:
    load = replace(loads.single(connections), headers=headers, texts=kind.texts)
    if not kind.status:
        return load
    body = {"text": f"{loads.TEXT} {loads.NUMBER}"}
    status = f'string.find(headers["cache-status"] or "", [[; {kind.status}]])'
    return replace(load, body=body, right=f"{load.right} and {status}")


def allowed(python: Path, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Settings that let a user in, and what the user signs in with."""
    command = [str(python), "-m", "servekit.features.auth", "user", USER]
    said = subprocess.run(
        command,
        cwd=folder,
        env=variables(project=folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode:
        raise PreparationError(f"There is no user to measure as: {said.stderr.strip()}")
    password, entry = (line.split()[-1] for line in said.stdout.splitlines())
    settings = {
        "AUTH_SECRETS": "of the benchmarks alone and of no service anywhere",
        "AUTH_USERS": entry,
    }
    return settings, {"username": USER, "password": password}


def token(credentials: Mapping[str, str]) -> str:
    form = urllib.parse.urlencode({**credentials, "grant_type": "password"}).encode()
    with urllib.request.urlopen(f"{loads.URL}/v1/token", form, timeout=10) as response:
        return json.load(response)["access_token"]


def ratios(found: Found) -> Iterator[tuple[Kind, Spread]]:
    """Requests per second over those of what a kind is compared with, round by round."""
    for kind in KINDS:
        if kind.against:
            pairs = zip(found[kind.name], found[kind.against], strict=True)
            spread = Spread.of(one[1].per_second / other[1].per_second for one, other in pairs)
            if spread:
                yield kind, spread


GOALS = {"guarded": 0.75, "hit": 1.5, "default-inline": 0.9}
"""What these kinds should reach, at least, of what they are compared with."""

FLOORS = {"guarded": 0.75, "hit": 1.1}
"""What they do reach. Batched with others, a call to the model costs so little that a busy
service saves less than the goal by not asking it; a lone caller saves several times as much."""


def holds(found: Found) -> bool:
    return all(spread.middle >= FLOORS.get(kind.name, 0) for kind, spread in ratios(found))


def text(found: Found) -> str:
    lines = [
        "# What features cost",
        "",
        f"`POST /v1/detect`, one process each, {MAIN} connections, medians of {ROUNDS} rounds of "
        f"{SECONDS} seconds: `make bench FEATURES=1`.",
        "Ratios are taken round by round, with the least and the most in parentheses.",
        "",
        "| | placement | requests/s | p50 of a lone caller, ms | to | |",
        "| --- | --- | ---: | ---: | --- | ---: |",
        row(PEER.title, "", found[PEER.name], "", ""),
    ]
    titles = {kind.name: kind.title for kind in KINDS} | TITLES
    compared = {kind.name: spread for kind, spread in ratios(found)}
    for kind in KINDS:
        ratio = compared.get(kind.name)
        share = f"**{ratio.middle:.2f}** ({ratio.least:.2f}–{ratio.most:.2f})" if ratio else ""
        if ratio and (goal := GOALS.get(kind.name)):
            share += f", {'holds' if ratio.middle >= goal else 'misses'} {goal:.2f}"
        other = titles.get(kind.against, "")
        lines.append(row(kind.title, kind.placement, found[kind.name], other, share))
    return "\n".join([*lines, ""])


def row(
    title: str, placement: str, rounds: Sequence[tuple[Outcome, Outcome]], other: str, share: str
) -> str:
    rate = median(busy.per_second for _, busy in rounds)
    wait_ms = median(lone.p50_s for lone, _ in rounds) * 1000
    return f"| {title} | {placement} | {rate:,.0f} | {wait_ms:.2f} | {other} | {share} |"
