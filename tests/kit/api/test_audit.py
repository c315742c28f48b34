"""The audit trail: who did what, and what was refused."""

import logging
import os
import pwd
from pathlib import Path

import pytest
from fastapi import APIRouter, Depends, HTTPException, Request, WebSocket
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from servekit import audit
from servekit.api import Feature
from servekit.api.audit_trail import note
from servekit.api.errors import ProblemError
from servekit.api.principal import Principal
from servekit.api.settings import ApiSettings
from servekit.commands.aliases import Aliases
from servekit.features.request_log import request_log
from servekit.logs import configure_logging
from servekit.registry.settings import StoreSettings
from servekit.registry.sources.folder import folder
from servekit.testing.store import fill

from acme_service.app import WIRING

from tests.audit_lines import audit_lines
from tests.fakes import create_app, fake_ports


def client() -> TestClient:
    """A service with routes that refuse, and one of which something is noted."""
    router = APIRouter()

    @router.get("/refused/{status}")
    async def refused(status: int) -> None:
        raise ProblemError(status, "secret words")

    @router.get("/raised/{status}")
    async def raised(status: int) -> None:
        raise HTTPException(status, "secret words")

    @router.put("/changed")
    async def changed(request: Request) -> str:
        request.state.caller = Principal("ada")
        note(request, "change", of="something")
        return "changed"

    async def refuses() -> None:
        raise HTTPException(403)

    @router.websocket("/socket", dependencies=[Depends(refuses)])
    async def socket(socket: WebSocket) -> None:
        await socket.accept()

    features = [request_log(), Feature(name="refusing", routers=[router])]
    return TestClient(create_app(fake_ports(), features, settings=ApiSettings(trusted_hops=1)))


@pytest.mark.parametrize("route", ["refused", "raised"])
@pytest.mark.parametrize("status", [401, 403, 429])
def test_each_refusal_is_a_line_with_id_and_address(route: str, status: int) -> None:
    headers = {"X-Request-ID": "mine", "X-Forwarded-For": "203.0.113.9"}
    with audit_lines() as lines:
        client().get(f"/{route}/{status}?token=s3cret", headers=headers)
    [line] = lines.found
    del line["time"]
    assert line == {
        "level": "WARNING",
        "logger": "servekit.audit",
        "message": "refusal",
        "event": "refusal",
        "request_id": "mine",
        "address": "203.0.113.9",
        "method": "GET",
        "path": f"/{route}/{status}",
        "status": status,
    }


def test_other_answers_are_no_lines() -> None:
    with audit_lines() as lines:
        for path in ("/health/live", "/nowhere", "/refused/404", "/refused/503"):
            client().get(path)
    assert lines.texts == []


def test_what_is_noted_is_a_line_with_its_outcome() -> None:
    with audit_lines() as lines:
        client().put("/changed", headers={"X-Request-ID": "mine"})
    [line] = lines.found
    assert line["level"] == "INFO"
    assert (line["event"], line["of"], line["status"]) == ("change", "something", 200)
    assert (line["principal"], line["request_id"]) == ("ada", "mine")


@pytest.mark.parametrize("name", ["filename", "args", "message", "level", "status", "time"])
def test_a_fact_with_a_name_of_the_log_is_refused_at_once(name: str) -> None:
    connection = Request({"type": "http", "state": {}})
    with pytest.raises(ValueError, match=f"^A fact in the audit trail cannot be called '{name}'"):
        note(connection, "export", **{"rows": 1, name: "mine"})
    assert connection.scope["state"] == {}


def test_a_socket_that_is_not_accepted_is_a_line() -> None:
    with audit_lines() as lines, pytest.raises(WebSocketDenialResponse):
        client().websocket_connect("/socket", headers={"X-Forwarded-For": "::1"}).__enter__()
    [line] = lines.found
    assert (line["path"], line["method"], line["status"]) == ("/socket", "WebSocket", 403)
    assert line["address"] == "::1"


def test_the_line_of_a_request_has_the_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "servekit.features.request_log")
    client().get("/health/live", headers={"X-Forwarded-For": "192.0.2.1, 203.0.113.9"})
    [line] = [vars(one) for one in caplog.records if one.getMessage() == "request"]
    assert line["address"] == "203.0.113.9"


def test_a_flood_of_refusals_is_counted_and_hides_no_other() -> None:
    now = [0.0]
    throttle = audit.Throttle(lambda: now[0])
    flood = [throttle.count("refusal", "203.0.113.9") for _ in range(1_000)]
    assert flood == [0] * audit.EACH + [None] * (1_000 - audit.EACH)
    assert throttle.count("refusal", "192.0.2.1") == 1_000 - audit.EACH
    assert throttle.count("refusal", "192.0.2.1") == 0
    many = [throttle.count("refusal", f"198.51.100.{number}") for number in range(1_000)]
    assert sum(one is not None for one in many) == audit.ALL - audit.EACH - 2
    assert throttle.count("sign-in", "203.0.113.9") == 0
    now[0] += audit.PERIOD_S
    assert throttle.count("refusal", "203.0.113.9") == many.count(None)


def test_refusals_of_one_address_hide_no_other_principal_or_event() -> None:
    router = APIRouter()

    @router.get("/{principal}/{event}")
    async def refused(principal: str, event: str, request: Request) -> None:
        note(request, event, principal="" if principal == "none" else principal)
        raise ProblemError(401, "No.")

    one = TestClient(create_app(fake_ports(), [Feature(name="refusing", routers=[router])]))
    asked = [*["/none/refusal"] * 30, "/none/sign-in", "/ada/refusal", "/ada/sign-in"]
    with audit_lines() as lines:
        for path in asked:
            one.get(path)
    found = [line["path"] for line in lines.found]
    assert found == ["/none/refusal"] * audit.EACH + asked[30:]
    assert lines.found[-2]["held_back"] == 10
    assert "held_back" not in lines.found[-1]


def test_all_addresses_of_a_site_are_counted_together() -> None:
    one = client()
    with audit_lines() as lines:
        for number in range(audit.EACH + 5):
            one.get("/refused/401", headers={"X-Forwarded-For": f"2001:db8::{number:x}"})
    assert len(lines.texts) == audit.EACH


def test_audit_trail_is_written_at_any_log_level(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging("ERROR", "acme_service")
    logging.getLogger("servekit.api").warning("left out")
    audit.record("change", of="something")
    for handler in logging.getLogger("servekit").handlers:
        handler.flush()
    written = capfd.readouterr().err
    assert '"event":"change"' in written
    assert "left out" not in written


def test_the_user_of_a_command_is_not_what_its_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOGNAME", "someone.else")
    assert audit.operator()["principal"] == f"user:{pwd.getpwuid(os.getuid()).pw_name}"
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    assert audit.operator()["principal"] == f"user:{2**31 - 7}"


def test_promotions_say_who_and_from_which_version(tmp_path: Path) -> None:
    [model, *_] = [one for one in WIRING.models() if one.versioned]
    settings = StoreSettings(fill(tmp_path).as_uri(), tmp_path / "cache", 60.0, 5.0)
    aliases = Aliases(model, settings, (folder,))
    with audit_lines() as lines:
        aliases.promote("champion", "2")
        aliases.promote("champion", "2")  # which it is already
        aliases.roll_back("champion")
    promoted, rolled_back = lines.found
    assert promoted["event"] == "promotion"
    assert promoted["principal"].startswith("user:")
    assert promoted["address"]
    assert (promoted["alias"], promoted["before"], promoted["after"]) == (
        "champion",
        f"{model.name}:1",
        f"{model.name}:2",
    )
    assert rolled_back["event"] == "rollback"
    assert (rolled_back["before"], rolled_back["after"]) == (
        f"{model.name}:2",
        f"{model.name}:1",
    )
