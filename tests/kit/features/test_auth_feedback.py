"""The features `auth` and `feedback` together: only who was answered may correct the answer."""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from servekit.features.auth import auth
from servekit.features.auth.credentials import new_key
from servekit.features.feedback.__main__ import main
from servekit.testing.features.auth import knowing

from acme_service import SLUG

from .feedback_answers import (
    BILLING,
    SUPPORT,
    VERSION,
    ask,
    delete,
    get,
    put,
    rows,
    service,
    url_of,
)
from tests.audit_lines import audit_lines

ADA, BOB = new_key("ada", ["predict"]), new_key("bob", ["predict"])
AS_ADA, AS_BOB = {"X-API-Key": ADA.secret}, {"X-API-Key": BOB.secret}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "feedback.db"


@pytest.fixture
def client(file: Path) -> Iterator[TestClient]:
    knows = auth(service=SLUG, settings=knowing(api_keys=f"{ADA.entry},{BOB.entry}"))
    with service(url_of(file), knows) as client:
        yield client


def test_only_who_was_answered_may_correct(client: TestClient, file: Path) -> None:
    answer = ask(client, request_id="1", headers=AS_ADA)
    assert put(client, answer, **AS_BOB).status_code == 404
    assert rows(file) == []
    assert put(client, answer, **AS_ADA).status_code == 201
    assert [one(client, answer, **AS_BOB).status_code for one in (get, delete)] == [404, 404]
    assert get(client, answer, **AS_ADA).json()["label"] == BILLING
    assert delete(client, answer, **AS_ADA).status_code == 204


def test_what_another_is_told_is_what_a_forger_is_told(client: TestClient) -> None:
    answer = ask(client, request_id="1", headers=AS_ADA)
    put(client, answer, **AS_ADA)
    theirs = get(client, answer, **AS_BOB).json()
    forged = get(client, answer._replace(receipt="forged"), **AS_BOB).json()
    assert theirs | {"request_id": ""} == forged | {"request_id": ""}


def test_a_receipt_does_not_authenticate(client: TestClient) -> None:
    answer = ask(client, request_id="1", headers=AS_ADA)
    assert [one(client, answer).status_code for one in (put, get, delete)] == [401] * 3


def test_names_are_in_no_row_and_no_receipt(client: TestClient, file: Path) -> None:
    answers = [ask(client, request_id=one, headers=AS_ADA) for one in ("1", "2")]
    for answer in answers:
        put(client, answer, **AS_ADA)
    put(client, ask(client, request_id="3", headers=AS_BOB), **AS_BOB)
    assert not re.search(r"\bada\b", str(rows(file)))  # a digest may hold these letters
    owners = [row["owner"] for row in rows(file)]
    assert owners[0] == owners[1] != owners[2]


def test_corrections_are_in_the_audit_trail(client: TestClient) -> None:
    answer = ask(client, request_id="1", headers=AS_ADA)
    with audit_lines() as lines:
        put(client, answer, **AS_ADA)
        get(client, answer, **AS_ADA)
        delete(client, answer, **AS_BOB)
        delete(client, answer, **AS_ADA)
    found = [(one["method"], one["status"], one["principal"]) for one in lines.found]
    assert found == [
        ("PUT", 201, "key:ada"),
        ("DELETE", 404, "key:bob"),
        ("DELETE", 204, "key:ada"),
    ]
    assert {one["event"] for one in lines.found} == {"correction"}
    assert lines.found[0]["path"] == "/v1/feedback/1"
    assert (lines.found[0]["model"], lines.found[0]["version"]) == ("triage", VERSION)
    for secret in (answer.receipt, ADA.secret, BOB.secret):
        assert secret not in "".join(lines.texts)


def test_corrections_are_purged_by_the_id_of_their_owner(
    client: TestClient,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    put(client, ask(client, request_id="1", headers=AS_ADA), **AS_ADA)
    put(client, ask(client, request_id="2", headers=AS_BOB), SUPPORT, **AS_BOB)
    monkeypatch.setenv("FEEDBACK_URL", url_of(file))
    owner = client.get("/v1/me", headers=AS_ADA).json()["id"]
    try:
        main(["purge", "--caller", owner])
    finally:
        logging.disable(logging.NOTSET)
    assert '"event":"purge"' in capfd.readouterr().err
    assert [json.loads(row["label"]) for row in rows(file)] == [SUPPORT]
