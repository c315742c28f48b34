"""The requests of each step, counted by what became of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from .load import Request

HEADER = (
    "step",
    "seconds",
    "requests",
    "first tries that failed",
    "failed after retries",
    "longest time without an answer of the other node, in s",
)


class Step(NamedTuple):
    """What happened to the nodes, and to the requests that were begun meanwhile."""

    name: str
    seconds: float
    requests: Sequence[Request]
    other: str = ""
    """The node that nothing happened to."""

    def failed(self, client: str = "") -> Counter[str]:
        """First tries that failed, by how."""
        return Counter(
            one.failures[0] for one in self.requests if one.failures and client in {"", one.client}
        )

    def broken(self) -> list[Request]:
        """Requests whose first try failed after it had been sent."""
        return [one for one in self.requests if one.broken]

    def lost(self) -> Counter[str]:
        """Requests that failed for all their tries, by how the last one did."""
        return Counter(one.failures[-1] for one in self.requests if one.lost)

    def longest_gap(self) -> float:
        """The longest time in which the other node answered no request, in seconds."""
        answered = sorted(
            one.ended for one in self.requests if one.version and one.nodes[-1] == self.other
        )
        begun = min((one.begun for one in self.requests), default=0.0)
        ends = [begun, *(at for at in answered if at <= begun + self.seconds), begun + self.seconds]
        return max(after - before for before, after in pairwise(ends))

    def row(self) -> tuple[str, ...]:
        by_client = [
            f"{client}: {_said(self.failed(client))}"
            for client in ("gateway", "keep-alive")
            if self.failed(client)
        ]
        return (
            self.name,
            f"{self.seconds:.0f}",
            f"{len(self.requests):,}",
            "; ".join(by_client) or "0",
            _said(self.lost()) or "0",
            f"{self.longest_gap():.1f}" if self.other else "",
        )


def _said(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))


def table(steps: Iterable[Step]) -> str:
    """All steps, as a table in Markdown."""
    rows = [HEADER, ("---",) * len(HEADER), *(one.row() for one in steps)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
