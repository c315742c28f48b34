"""Parses limits, and computes what is left of one."""

import math
import re
from typing import NamedTuple

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_NOTATION = re.compile(rf"([1-9]\d{{0,8}})/({'|'.join(_SECONDS)})")


class Limit(NamedTuple):
    """Requests per period, which may come all at once.

    Afterwards one more becomes possible every `interval_s`.
    """

    amount: int
    seconds: int

    @property
    def interval_s(self) -> float:
        return self.seconds / self.amount


def limit_of(text: str) -> Limit | None:
    """The limit that is written as `100/second`; None for `none`. Raises ValueError otherwise."""
    if text == "none":
        return None
    if found := _NOTATION.fullmatch(text):
        return Limit(int(found[1]), _SECONDS[found[2]])
    raise ValueError("a limit is written 100/second, or /minute, /hour or /day; none lifts it")


class Verdict(NamedTuple):
    """The result of counting one request.

    wait_s: until one more is possible; 0 for a request that may pass.
    full_s: until `limit` are possible again.
    """

    limit: Limit
    wait_s: float
    full_s: float

    @property
    def passes(self) -> bool:
        return not self.wait_s

    @property
    def remaining(self) -> int:
        return max(0, int((self.limit.seconds - self.full_s) / self.limit.interval_s + 1e-6))

    def headers(self) -> list[tuple[bytes, bytes]]:
        headers = [
            (b"ratelimit-limit", b"%d" % self.limit.amount),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % math.ceil(self.full_s)),
        ]
        if not self.passes:
            headers.append((b"retry-after", b"%d" % math.ceil(self.wait_s)))
        return headers
