"""Log lines are JSON and carry the id of their request."""

import io
import json
import logging
import time
from collections.abc import Callable
from threading import Event

import pytest
from fastapi.testclient import TestClient

from servekit.logs import BatchingHandler, JsonFormatter
from servekit.testing.subprocesses import printed_by

from tests.fakes import create_app, fake_ports


def test_a_record_is_one_line_of_json_with_its_extras() -> None:
    record = logging.makeLogRecord(
        {"name": "room", "levelname": "INFO", "msg": "hello\nthere", "status": 200}
    )
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert json.loads(line) | {"time": ""} == {
        "time": "",
        "level": "INFO",
        "logger": "room",
        "message": "hello\nthere",
        "status": 200,
    }


def test_half_of_a_surrogate_pair_loses_no_line() -> None:
    record = logging.makeLogRecord({"levelname": "INFO", "msg": "a \ud800 b", "of": object()})
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert json.loads(line)["message"] == "a \ud800 b"
    assert "T" in json.loads(line)["time"]


def test_a_record_made_during_a_request_carries_its_id(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonFormatter().format(record))

    caplog.set_level("INFO", "acme_service.api.v1.detect")
    logger = logging.getLogger("acme_service.api.v1.detect")
    monkeypatch.setattr(logger, "handlers", [Keep()])
    client = TestClient(create_app(fake_ports()))
    client.post("/v1/detect/file", files={"file": b"a"}, headers={"x-request-id": "mine"})
    assert json.loads(lines[0])["request_id"] == "mine"


def record(level: int, message: str) -> logging.LogRecord:
    return logging.makeLogRecord({"levelno": level, "msg": message})


def within_seconds(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_lines_are_written_together_and_soon() -> None:
    written = io.StringIO()
    handler = BatchingHandler(written)
    handler.handle(record(logging.INFO, "one"))
    handler.handle(record(logging.INFO, "two"))
    assert written.getvalue() == ""
    assert within_seconds(5, lambda: written.getvalue() == "one\ntwo\n")


def test_an_error_is_written_at_once_after_what_came_before() -> None:
    written = io.StringIO()
    handler = BatchingHandler(written)
    handler.handle(record(logging.INFO, "before"))
    handler.handle(record(logging.ERROR, "broken"))
    assert written.getvalue() == "before\nbroken\n"


class Troubled(io.StringIO):
    """A stream whose first write fails, or takes long."""

    def __init__(self, trouble: Callable[[], object]) -> None:
        super().__init__()
        self.trouble: Callable[[], object] | None = trouble

    def write(self, text: str) -> int:
        trouble, self.trouble = self.trouble, None
        if trouble:
            trouble()
        return super().write(text)


def test_a_write_that_fails_is_not_the_last() -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    stream = Troubled(full)
    handler = BatchingHandler(stream)
    handler.handle(record(logging.INFO, "lost"))
    assert within_seconds(5, lambda: stream.trouble is None)
    handler.handle(record(logging.INFO, "kept"))
    assert within_seconds(5, lambda: stream.getvalue() == "kept\n")


def test_a_slow_log_reader_drops_lines_and_delays_no_logger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("servekit.logs.MAX_WAITING", 2)
    reads = Event()
    stream = Troubled(lambda: reads.wait(20))
    handler = BatchingHandler(stream)
    handler.handle(record(logging.INFO, "one"))
    assert within_seconds(5, lambda: stream.trouble is None)
    for message in ("two", "three", "four", "five"):
        handler.handle(record(logging.INFO, message))
    assert stream.getvalue() == ""
    reads.set()
    assert within_seconds(5, lambda: "2 lines of the log were lost" in stream.getvalue())
    assert stream.getvalue().startswith("one\ntwo\nthree\n{")


def test_nothing_is_lost_when_the_process_ends() -> None:
    source = """if True:
        import logging, sys
        from servekit.logs import BatchingHandler
        logger = logging.getLogger("room")
        logger.addHandler(BatchingHandler(sys.stdout))
        logger.warning("last words")
    """
    assert printed_by(source) == "last words"
