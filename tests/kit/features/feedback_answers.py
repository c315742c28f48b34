"""A service whose answers can be corrected, and a caller that corrects them."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from httpx2 import Client, Response
from pydantic import BaseModel, Field

from servekit.api import Feature, Service, create_app
from servekit.api.dependencies import CurrentPorts
from servekit.api.models import model_router
from servekit.api.settings import ApiSettings
from servekit.contracts import Contract, Ports
from servekit.features.feedback import feedback
from servekit.features.feedback.settings import (
    DatabaseSettings,
    ReceiptSettings,
)
from servekit.testing.fakes import FakeMeter

from .feedback_visitor import SECRET
from tests.in_process import ports_around

RECEIPT = "X-Feedback-Receipt"
TEXT = "Where is my refund? Grüezi"


class Ticket(BaseModel):
    subject: Annotated[str, Field(min_length=1)]
    tags: set[str] = set()
    more: dict[str, Any] = {}


class Routing(BaseModel):
    """seconds: serialized under another name than it is read by."""

    team: str
    confidence: float
    seconds: float = Field(default=1.0, serialization_alias="expected-seconds")


class Verdict(BaseModel):
    team: Literal["billing", "support"]
    note: str = ""


TRIAGE = Contract("triage", Ticket, Routing, label=Verdict, streams=True)
MOOD = Contract("mood", str, float, label=Annotated[float, Field(ge=-1, le=1)])
PARITY = Contract("parity", int, bool)

VERSION = "triage:7"
ROUTING = {"team": "support", "confidence": 1.0, "expected-seconds": 1.0}
"""What the model says of every ticket."""

BILLING, SUPPORT = ({"team": team, "note": ""} for team in ("billing", "support"))


class Triage:
    version = "7"

    def predict(self, items: Sequence[Ticket]) -> list[Routing]:
        return [Routing(team="support", confidence=1.0) for _ in items]

    def stream(self, item: Ticket) -> list[Routing]:
        return self.predict([item])


class Mood:
    def predict(self, items: Sequence[str]) -> list[float]:
        return [0.5 for _ in items]


class Parity:
    def predict(self, items: Sequence[int]) -> list[bool]:
        return [item % 2 == 0 for item in items]


MODELS = {TRIAGE: Triage, MOOD: Mood, PARITY: Parity}

own_routes = APIRouter()


@own_routes.post("/v1/own/{kind}")
async def own_route(kind: str, ticket: Ticket, ports: CurrentPorts) -> str:
    """A route of the service's own, which asks models in a way of its own."""
    triage, mood = ports.models["triage"], ports.models["mood"]
    await triage.predict(ticket)
    if kind == "two models":
        await mood.predict(ticket.subject)
    if kind == "two items":
        await triage.predict(Ticket(subject="another"))
    if kind == "unlabelled model":
        await ports.models["parity"].predict(1)
    return "another shape than the model's"


def ports() -> Ports:
    return ports_around(MODELS)


def api(*features: Feature, given: Ports | None = None, api: ApiSettings | None = None) -> FastAPI:
    named = Service(name="Desk", slug="desk", package="desk", version="1")
    routers = [*(model_router(one, f"/v1/{one.name}") for one in MODELS), own_routes]
    return create_app(named, given or ports(), routers, features, settings=api)


class Answered(NamedTuple):
    """An answer that may be corrected. The receipt is "" where there was none."""

    id: str
    receipt: str
    input: Any
    output: Any = None


def ask(
    client: Client,
    text: str = TEXT,
    request_id: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answered:
    return ask_model(client, "/v1/triage", {"subject": text}, request_id, headers)


def ask_model(
    client: Client,
    path: str,
    item: Any,
    request_id: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answered:
    named = {"X-Request-ID": request_id} if request_id else {}
    response = client.post(path, json=item, headers={**(headers or {}), **named})
    assert response.status_code == 200, response.text
    # In process nothing in front of the service names the request, so the test does.
    found = response.headers.get("X-Request-ID", request_id)
    return Answered(found, response.headers.get(RECEIPT, ""), item, response.json())


def correction(answer: Answered, label: Any = BILLING) -> dict[str, Any]:
    """The body of a request."""
    output = {} if answer.output is None else {"output": answer.output}
    return {"input": answer.input, "label": label} | output


def put(client: Client, answer: Answered, label: Any = BILLING, **headers: str) -> Response:
    url = f"/v1/feedback/{answer.id}"
    body = correction(answer, label)
    return client.put(url, json=body, headers={RECEIPT: answer.receipt} | headers)


def stored_soon(client: Client, answer: Answered) -> bool:
    """Put until the database is found again; a try that was answered 503 may have stored it."""
    deadline = monotonic() + 20
    while (status := put(client, answer).status_code) == 503 and monotonic() < deadline:
        sleep(0.05)
    return status in {200, 201}


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


def keeping(url: str, **settings: Any) -> Feature:
    """The feature, with settings of receipts and of the database."""
    of_receipts = {
        name: settings.pop(name) for name in ReceiptSettings.model_fields if name in settings
    }
    return feedback(signing(**of_receipts), settings_for(url, **settings), service="desk")


def service(url: str, *others: Feature, **settings: Any) -> TestClient:
    """The API with feedback. Enter it, and the database is looked for."""
    given = ports()
    client = TestClient(api(*others, keeping(url, **settings), given=given))
    client.app_state["meter"] = given.meter
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
    """What is in the file; nothing before the service has been there."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'feedback'").fetchall():
            return []
        found = connection.execute("SELECT * FROM feedback ORDER BY request_id").fetchall()
        return [dict(row) for row in found]
