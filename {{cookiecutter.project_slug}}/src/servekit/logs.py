"""Logs one JSON object per line to standard error, with the id of the request."""

import json
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from time import sleep
from typing import Any, TextIO

from pydantic_core import to_json

from servekit import audit
from servekit.contracts.request_id import current_request_ids

KIT_LOGGER = __name__.partition(".")[0]
WRITE_EVERY_S = 0.1

MAX_WAITING = 10_000
"""Lines that may wait to be written; further ones are counted and dropped."""


class JsonFormatter(logging.Formatter):
    """Formats a record, with everything given as `extra`, as one line of JSON.

    Args:
        request_ids: Gives the ids of the requests that are being answered.
    """

    def __init__(self, request_ids: Callable[[], Sequence[str]] = current_request_ids) -> None:
        super().__init__()
        self._request_ids = request_ids

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if len(ids := [*dict.fromkeys(filter(None, self._request_ids()))]) == 1:
            line["request_id"] = ids[0]
        elif ids and not hasattr(record, "request_id"):
            line["request_ids"] = ids
        # Ray marks every record of its processes with an underscored attribute.
        line |= {
            key: value
            for key, value in vars(record).items()
            if key not in audit.OF_RECORDS and key[0] != "_"
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            return to_json(line, fallback=str).decode()
        except ValueError:  # half of a surrogate pair, which UTF-8 cannot carry
            line["time"] = line["time"].isoformat()
            return json.dumps(line, default=str, skipkeys=True)


class BatchingHandler(logging.StreamHandler[TextIO]):
    """Writes lines together, some times a second; an error is written at once.

    A write each would cost a busy service more than formatting them. Logging waits for a write of
    an error alone.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []
        self._lost = 0
        self._adding = Lock()
        self._writing = Lock()
        self._filled = Event()
        Thread(target=self._write_repeatedly, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._add(self.format(record))
            if record.levelno >= logging.ERROR:
                self.flush()
            elif not self._filled.is_set():
                self._filled.set()
        except Exception:
            self.handleError(record)

    def _add(self, line: str) -> None:
        with self._adding:
            if len(self._lines) < MAX_WAITING:
                self._lines.append(line)
            else:
                self._lost += 1

    def flush(self) -> None:
        """Called by `logging` too, when the process ends."""
        with self._writing:
            with self._adding:
                lines, self._lines = self._lines, []
                lost, self._lost = self._lost, 0
            if lost:
                lines.append(f'{{"level":"ERROR","message":"{lost} lines of the log were lost"}}')
            if lines:
                self.stream.write("\n".join([*lines, ""]))
                self.stream.flush()

    def _write_repeatedly(self) -> None:
        while self._filled.wait():
            sleep(WRITE_EVERY_S)
            self._filled.clear()
            # With a full disk an error cannot be logged either; the next lines may fit again.
            with suppress(Exception):
                self.flush()


def flush_logs() -> None:
    """Write waiting lines: the process may be about to end."""
    for handler in logging.getLogger(KIT_LOGGER).handlers:
        handler.flush()


def configure_logging(
    level: str, package: str, request_ids: Callable[[], Sequence[str]] = current_request_ids
) -> None:
    """Send the log of the kit and of a service to standard error. Safe to call twice.

    Args:
        level: The least that is written; the audit trail always is.
        package: The Python package of the service.
        request_ids: Gives the ids of the requests that are being answered.
    """
    kit = logging.getLogger(KIT_LOGGER)
    if not kit.handlers:
        handler = BatchingHandler(sys.stderr)
        handler.setFormatter(JsonFormatter(request_ids))
        kit.addHandler(handler)
    for logger in (kit, logging.getLogger(package)):
        logger.setLevel(level)
        logger.handlers = kit.handlers  # one, so that lines keep their order
        logger.propagate = False


def write_audit_trail() -> None:
    """Send the audit trail alone to standard error: for a command, which speaks for itself."""
    if not audit.log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter())
        audit.log.addHandler(handler)
        audit.log.propagate = False
