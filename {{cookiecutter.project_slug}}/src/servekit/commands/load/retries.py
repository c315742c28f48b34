"""Which requests are sent again, and when: what `docs/how-to/retry-requests.md` says to clients."""

import random
from collections.abc import Mapping

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
LATER = frozenset({429, 503})
PROBLEM = "application/problem+json"


def pause_s(attempt: int, status: int, headers: Mapping[str, str]) -> float | None:
    """Return how long to wait before a request is sent again; None if it is not.

    Args:
        attempt: How often it has been sent again by now.
        status: Of the answer; 0 where the connection was refused or cut.
        headers: Of the answer, by names in lower case.
    """
    # No problem, so it is the proxy's: the replica has died, or the proxy knows no routes yet.
    by_proxy = not headers.get("content-type", "").startswith(PROBLEM) and (
        status == 404 or status >= 500
    )
    if not (status == 0 or status in LATER or by_proxy):
        return None
    said = headers.get("retry-after", "")
    pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt)
    # Drawn, lest all that failed together come back together.
    return max(pause, float(said) if said.isdecimal() else 0.0) * random.uniform(1, 1.5)  # noqa: S311
