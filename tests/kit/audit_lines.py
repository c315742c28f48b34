"""The audit trail, as it is written."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from servekit import audit
from servekit.logs import JsonFormatter


class Lines(logging.Handler):
    """Keeps the lines of a log, as JSON has them."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # Now, while its request is the current one.
        self.texts.append(JsonFormatter().format(record))

    @property
    def found(self) -> list[dict[str, Any]]:
        return [json.loads(one) for one in self.texts]


@contextmanager
def audit_lines() -> Iterator[Lines]:
    """Gives the lines of the block. Refusals of other tests are not counted with its own."""
    lines, before = Lines(), audit.throttle
    audit.throttle = audit.Throttle()
    audit.log.addHandler(lines)
    try:
        yield lines
    finally:
        audit.log.removeHandler(lines)
        audit.throttle = before
