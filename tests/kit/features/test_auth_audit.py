"""The audit trail of sign-ins and credentials, and that no credential is in it."""

import logging
from typing import Any

import pytest
from fastapi import APIRouter, Security
from fastapi.testclient import TestClient

from servekit.api import Feature
from servekit.api.principal import current_principal
from servekit.features.auth import auth
from servekit.features.request_log import request_log
from servekit.testing.features.auth import (
    HEADERS,
    KEY,
    NAME,
    PASSWORD,
    SECRET,
    USER,
    knowing,
    token,
)

from acme_service import SLUG

from tests.audit_lines import audit_lines
from tests.fakes import create_app, fake_ports

TEXT = {"text": "fine"}
WRONG = "a password that nobody has"


def client() -> TestClient:
    router = APIRouter(prefix="/v1/admin")

    @router.get("", dependencies=[Security(current_principal, scopes=["admin"])])
    async def admin() -> str:
        return "done"

    settings = knowing(users=(USER,), api_keys=KEY.entry)
    admins = Feature(name="admins", model_routers=[router])
    features = [request_log(), auth(service=SLUG, settings=settings), admins]
    return TestClient(create_app(fake_ports(), features))


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


def sign_in(name: str = NAME, password: str = PASSWORD) -> None:
    client().post("/v1/token", data={"username": name, "password": password})


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "no credential"),
        ({"Authorization": "Basic YTpi"}, "no credential"),
        ({"X-API-Key": "a wrong key"}, "unknown key"),
        (bearer("a wrong token"), "invalid token"),
    ],
)
def test_a_refused_credential_is_a_line(headers: dict[str, str], reason: str) -> None:
    with audit_lines() as lines:
        client().post("/v1/detect", json=TEXT, headers=headers | {"X-Request-ID": "mine"})
    [line] = lines.found
    assert (line["event"], line["status"], line["reason"]) == ("refusal", 401, reason)
    assert (line["path"], line["request_id"]) == ("/v1/detect", "mine")
    assert "principal" not in line


@pytest.mark.parametrize(
    ("path", "scope", "missing"),
    [("/v1/detect", "admin", ["predict"]), ("/v1/admin", "predict", ["admin"])],
)
def test_a_missing_scope_is_a_line(path: str, scope: str, missing: list[str]) -> None:
    method = "POST" if path == "/v1/detect" else "GET"
    with audit_lines() as lines:
        client().request(method, path, headers=bearer(token(scope)))
    [line] = lines.found
    assert (line["status"], line["reason"], line["missing"]) == (403, "missing scope", missing)
    assert line["principal"] == NAME


def test_sign_ins_are_lines_good_or_refused() -> None:
    with audit_lines() as lines:
        sign_in()
        sign_in(password=WRONG)
        sign_in(name="a-password-in-the-wrong-field")
    found = [(one["event"], one["status"], one["principal"]) for one in lines.found]
    assert found == [("sign-in", 200, NAME), ("sign-in", 401, NAME), ("sign-in", 401, "")]
    assert lines.found[0]["scopes"] == ["admin", "predict"]


def ours(record: logging.LogRecord) -> bool:
    """Whether a record is the service's, and not of the client that asks it."""
    return record.name.startswith(("servekit", "acme_service"))


def test_no_secret_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    own = token()
    secrets = [KEY.secret, PASSWORD, SECRET, WRONG, own, "a-wrong-key", "hidden"]
    with audit_lines() as lines:
        sign_in()
        sign_in(password=WRONG)
        sign_in(name="hidden")
        kinds: list[dict[str, Any]] = [
            HEADERS,
            bearer(own),
            bearer(own[:-1]),
            bearer(f"{own}x"),
            bearer(KEY.secret),
            {"X-API-Key": "a-wrong-key"},
            {"X-API-Key": own},
            {"Authorization": f"Basic {KEY.secret}"},
        ]
        for headers in kinds:
            client().post("/v1/detect?token=hidden", json=TEXT, headers=headers)
    assert len(lines.texts) == 3 + 6
    said = "\n".join([*lines.texts, *(str(vars(one)) for one in caplog.records if ours(one))])
    assert [one for one in secrets if one in said] == []
