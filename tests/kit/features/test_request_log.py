"""The request log: one line a request."""

import pytest
from fastapi.testclient import TestClient

from servekit.features.request_log import request_log

from acme_service import features as wiring

from tests.fakes import create_app, fake_ports


@pytest.fixture(autouse=True)
def _log_reaches_pytest(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "servekit.features.request_log")


@pytest.mark.parametrize(("route", "status"), [("/health/live", 200), ("/nowhere", 404)])
def test_a_request_leaves_one_line(
    caplog: pytest.LogCaptureFixture, route: str, status: int
) -> None:
    TestClient(create_app(fake_ports(), [request_log()])).get(f"{route}?token=s3cret")
    [record] = [one for one in caplog.records if one.name.endswith("request_log")]
    said = vars(record)
    assert (said["method"], said["path"], said["status"]) == ("GET", route, status)
    assert 0 <= said["seconds"] < 5
    assert "s3cret" not in str(said)


def test_it_is_always_on() -> None:
    assert next(wiring.features()).name == "request_log"
