"""One JSON object a line, on standard error, each with the id of the request it is about."""

import json
import logging
import sys
from datetime import UTC, datetime

from .request_id import current_request_id

SERVICE_LOGGER = __name__.partition(".")[0]
_ORDINARY = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


def _is_extra(key: str) -> bool:
    # Ray marks every record of its processes with an underscored attribute.
    return key not in _ORDINARY and not key.startswith("_")


class JsonFormatter(logging.Formatter):
    """Formats a record, with everything given as `extra`, as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := current_request_id():
            line["request_id"] = request_id
        line |= {key: value for key, value in vars(record).items() if _is_extra(key)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logging(level: str) -> None:
    """Send this service's log to standard error at `level`. Safe to call twice."""
    logger = logging.getLogger(SERVICE_LOGGER)
    logger.setLevel(level)
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter())
        logger.addHandler(handler)
        logger.propagate = False
