"""Corrections of answers, stored in a database and exported for training.

An answer carries a signed receipt; nothing is stored until a correction comes with one.
"""

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from servekit.api import Feature
from servekit.api.errors import RETRY_AFTER_S, problem, problem_response
from servekit.contracts import Contract, Ports, Predictor

from .corrections import Corrections
from .database import Database, DatabaseAwayError
from .labelled import LabelledContract
from .receipt_header import HEADER, NotedPredictor, ReceiptHeader
from .receipts import Receipts
from .routes import METRIC, ReceiptChecks, add_routes, feedback_router
from .settings import DatabaseSettings, ReceiptSettings


def feedback(
    receipt_settings: ReceiptSettings | None = None,
    database_settings: DatabaseSettings | None = None,
    *,
    service: str,
) -> Feature:
    """`PUT`, `GET` and `DELETE /v1/feedback/{request_id}`, for contracts with a label.

    It has to stand above features that give answers without asking a model.

    Args:
        receipt_settings: Read from the environment by default.
        database_settings: Read from the environment by default.
        service: Its name, as PostgreSQL lists connections by.

    Returns:
        The feature.
    """
    signing = receipt_settings or ReceiptSettings.load()
    receipts = Receipts(signing.secrets, signing.receipt_lifetime_s)
    database = Database(database_settings or DatabaseSettings.load(), service)
    router = feedback_router()

    def wrap(ports: Ports) -> Ports:
        labelled = {
            name: LabelledContract(contract)
            for name, contract in ports.contracts.items()
            if contract.label is not None
        }
        if labelled:
            checks = ReceiptChecks(receipts, ports.meter)
            add_routes(router, labelled, checks, Corrections(database))

        def noted(contract: Contract, model: Predictor[Any, Any]) -> Predictor[Any, Any]:
            known = labelled.get(contract.name)
            return NotedPredictor(model, known) if known else model

        return ports.wrapped(noted)

    return Feature(
        name="feedback",
        tags={"feedback": "Corrections of answers, by the receipts that came with them."},
        hooks=[ReceiptHeader(receipts).hooks()],
        exposed=[HEADER.lower()],
        # It gets its routes when the contracts are known, before routers are included.
        model_routers=[router],
        wrap=wrap,
        lifespan=lambda _: database.opened(),
        checks=[database.note],
        handlers={DatabaseAwayError: database_away},
    )


async def database_away(request: Request, error: DatabaseAwayError) -> JSONResponse:
    """Answer 503 with `Retry-After`."""
    request.app.state.ports.meter.count(METRIC, outcome="away")
    return problem_response(problem(503, str(error)), {"Retry-After": str(RETRY_AFTER_S)})
