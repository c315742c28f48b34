"""Log lines are JSON and carry the id of their request."""

import json
import logging

import pytest
from fastapi.testclient import TestClient

from acme_service.api import create_app
from acme_service.api.logs import JsonFormatter

from tests.fakes import fake_ports


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


def test_a_record_made_during_a_request_carries_its_id(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonFormatter().format(record))

    caplog.set_level("INFO", "acme_service.api.audit")
    logger = logging.getLogger("acme_service.api.audit")
    monkeypatch.setattr(logger, "handlers", [Keep()])
    client = TestClient(create_app(fake_ports()))
    client.post("/v1/detect", json={"text": "a"}, headers={"x-request-id": "mine"})
    assert json.loads(lines[0])["request_id"] == "mine"
