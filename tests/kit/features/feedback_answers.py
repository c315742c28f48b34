"""Somebody who asks, is answered, and knows better."""

import sqlite3
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple

from fastapi.testclient import TestClient
from httpx2 import Client, Response

from servekit.api import Feature
from servekit.testing.fakes import FakeMeter

from acme_service.api import create_app
from acme_service.features.feedback import feedback
from acme_service.features.feedback.settings import (
    DatabaseSettings,
    ReceiptSettings,
)

from .feedback_visitor import SECRET
from tests.fakes import fake_ports

RECEIPT = "X-Feedback-Receipt"
TEXT = "Grüezi mitenand"


class Answered(NamedTuple):
    """An answer that may be corrected. The receipt is "" where there was none."""

    id: str
    receipt: str
    text: str = TEXT


def ask(
    client: Client, text: str = TEXT, request_id: str = "", headers: dict[str, str] | None = None
) -> Answered:
    headers = (headers or {}) | ({"X-Request-ID": request_id} if request_id else {})
    response = client.post("/v1/detect", json={"text": text}, headers=headers)
    assert response.status_code == 200, response.text
    # In process nobody in front of the service names the request, so the test does.
    found = response.headers.get("X-Request-ID", request_id)
    return Answered(found, response.headers.get(RECEIPT, ""), text)


def put(client: Client, answer: Answered, language: str = "de", **headers: str) -> Response:
    body = {"text": answer.text, "language": language}
    url = f"/v1/feedback/{answer.id}"
    return client.put(url, json=body, headers={RECEIPT: answer.receipt} | headers)


def put_soon(client: Client, answer: Answered) -> int:
    """The status, once the database is found again; a busy machine may take its time."""
    deadline = monotonic() + 20
    while (status := put(client, answer).status_code) == 503 and monotonic() < deadline:
        sleep(0.05)
    return status


def get(client: Client, answer: Answered, **headers: str) -> Response:
    url = f"/v1/feedback/{answer.id}"
    return client.get(url, headers={RECEIPT: answer.receipt} | headers)


def delete(client: Client, answer: Answered, **headers: str) -> Response:
    url = f"/v1/feedback/{answer.id}"
    return client.delete(url, headers={RECEIPT: answer.receipt} | headers)


def settings_for(url: str, **settings: Any) -> DatabaseSettings:
    return DatabaseSettings.model_validate({"url": url} | settings)


def signing(**settings: Any) -> ReceiptSettings:
    return ReceiptSettings.model_validate({"secret": SECRET} | settings)


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


def service(url: str, *others: Feature, **settings: Any) -> TestClient:
    """The API with feedback around fake models. Enter it, and the database is looked for."""
    ports = fake_ports()
    of_receipts = {
        name: settings.pop(name) for name in ReceiptSettings.model_fields if name in settings
    }
    feature = feedback(signing(**of_receipts), settings_for(url, **settings))
    client = TestClient(create_app(ports, [*others, feature]))
    client.app_state["meter"] = ports.meter
    return client


def counted(client: TestClient) -> dict[str, int]:
    """How often each outcome was counted."""
    meter = client.app_state["meter"]
    assert isinstance(meter, FakeMeter)
    return {
        dict(labels)["outcome"]: amount
        for (name, labels), amount in meter.counts.items()
        if name == "feedback_total"
    }


def rows(file: Path) -> list[dict[str, Any]]:
    """What is in the file, read by somebody else; nothing before the service has been there."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'feedback'").fetchall():
            return []
        found = connection.execute("SELECT * FROM feedback ORDER BY request_id").fetchall()
        return [dict(row) for row in found]
