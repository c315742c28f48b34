"""The audit trail of what callers and operators did: lines of the logger `servekit.audit`.

Each line has an `event`, and besides what is known of it: `principal`, `address`, `request_id`.
Secrets are never among it: callers pass names, and never what a client has sent as a credential.
"""

import logging
import os
import pwd
import socket
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Any

log = logging.getLogger(__name__)
# Whatever the level of the log is: a trail with gaps says nothing.
log.setLevel(logging.INFO)

OF_RECORDS = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})
"""Names that every record of the log has of its own."""

TAKEN = frozenset(
    OF_RECORDS
    | {"time", "level", "logger", "exception", "event", "held_back", "request_id", "request_ids"}
    | {"address", "method", "path", "status"}
)
"""What lines of the log have already: no fact may have one of these names."""

PERIOD_S = 10.0
EACH = 20
"""Refusals of one kind and one source that are written in a period."""

ALL = 200
"""Refusals of one kind that are written in a period."""


class Throttle:
    """Lets some lines of each source through in a period, and counts the others.

    A flood of refusals would fill the disk, and bury everything else in the log. Each kind of event
    is counted by itself: requests without a credential hide no failed sign-in.

    Args:
        clock: Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._ends_at = float("-inf")
        self._lines: Counter[tuple[str, str]] = Counter()
        self._written: Counter[str] = Counter()
        self._held_back: Counter[str] = Counter()

    def count(self, event: str, source: str) -> int | None:
        """Count a line.

        Args:
            event: What kind of event it is about.
            source: Where it comes from: a principal, or an address.

        Returns:
            How many of its kind were held back since the last one; None to hold this back, too.
        """
        now = self._clock()
        if now >= self._ends_at:
            self._ends_at = now + PERIOD_S
            self._lines.clear()
            self._written.clear()
        if self._written[event] >= ALL or self._lines[event, source] >= EACH:
            self._held_back[event] += 1
            return None
        self._written[event] += 1
        self._lines[event, source] += 1
        return self._held_back.pop(event, 0)


def record(event: str, message: str = "", *, level: int = logging.INFO, **facts: Any) -> None:
    """Write what has happened.

    Args:
        event: What kind of event it is, such as "sign-in".
        message: A sentence for people; the event by default.
        level: Of the line in the log.
        facts: What is known of it.
    """
    log.log(level, message or event, extra={"event": event, **facts})


throttle = Throttle()


def record_refusal(event: str, source: str, /, **facts: Any) -> None:
    """Write that a client was refused something, unless refusals of its kind come too fast.

    Args:
        event: What kind of event it is.
        source: What its refusals are counted by: a principal, or an address.
        facts: What is known of it.
    """
    held_back = throttle.count(event, source)
    if held_back is not None:
        more: dict[str, Any] = {"held_back": held_back} if held_back else {}
        record(event, level=logging.WARNING, **facts, **more)


def operator() -> dict[str, Any]:
    """Return the principal and the address of a command: the user and the machine that run it."""
    try:
        # Not of `getpass`, which believes LOGNAME.
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # such as of a container whose user has no name
        name = str(os.getuid())
    return {"principal": f"user:{name}", "address": socket.gethostname()}
