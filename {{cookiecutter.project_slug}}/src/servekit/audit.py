"""The audit trail of what callers and operators did: lines of the logger `servekit.audit`.

Each line has an `event`, and besides what is known of it: `principal`, `address`, `request_id`.
Secrets are never among it: callers pass names, and never what a client has sent as a credential.
"""

import logging
import os
import socket
from collections import Counter
from collections.abc import Callable
from getpass import getuser
from time import monotonic
from typing import Any

log = logging.getLogger(__name__)
# Whatever the level of the log is: a trail with gaps says nothing.
log.setLevel(logging.INFO)

PERIOD_S = 10.0
EACH = 20
"""Refusals of one address that are written in a period."""

ALL = 200
"""Refusals of all addresses together that are written in a period."""


class Throttle:
    """Lets some lines of each address through in a period, and counts the others.

    A flood of refusals would fill the disk, and bury everything else in the log.

    Args:
        clock: Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._ends_at = float("-inf")
        self._lines: Counter[str] = Counter()
        self._written = self._held_back = 0

    def count(self, address: str) -> int | None:
        """Return how many lines were held back since the last one; None to hold this back, too."""
        now = self._clock()
        if now >= self._ends_at:
            self._ends_at = now + PERIOD_S
            self._lines.clear()
            self._written = 0
        if self._written >= ALL or self._lines[address] >= EACH:
            self._held_back += 1
            return None
        self._written += 1
        self._lines[address] += 1
        held_back, self._held_back = self._held_back, 0
        return held_back


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


def record_refusal(event: str, *, address: str, **facts: Any) -> None:
    """Write that a client was refused something, unless its refusals come too fast.

    Args:
        event: What kind of event it is.
        address: Of the client.
        facts: What else is known of it.
    """
    held_back = throttle.count(address)
    if held_back is not None:
        more: dict[str, Any] = {"held_back": held_back} if held_back else {}
        record(event, level=logging.WARNING, address=address, **facts, **more)


def operator() -> dict[str, Any]:
    """Return the principal and the address of a command: the user and the machine that run it."""
    try:
        name = getuser()
    except (KeyError, OSError, ImportError):  # such as of a container whose user has no name
        name = str(os.getuid())
    return {"principal": f"user:{name}", "address": socket.gethostname()}
