"""Corrections of answers, stored and given to training.

Each answer about one text carries a receipt. Nothing is stored before somebody comes back with one.
"""

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.middleware import Middleware

from servekit.api import Feature
from servekit.api.errors import RETRY_AFTER_S, problem, problem_response
from servekit.contracts import Meter, Ports

from .answers import HEADER, GivesReceipts, noted
from .corrections import Corrections
from .database import Database, DatabaseAwayError
from .receipts import Receipts
from .routes import feedback_router
from .settings import DatabaseSettings, ReceiptSettings


class Outcomes:
    """Counts how requests about feedback have ended."""

    meter: Meter

    def count(self, outcome: str) -> None:
        self.meter.count("feedback_total", outcome=outcome)


def feedback(
    receipt_settings: ReceiptSettings | None = None,
    database_settings: DatabaseSettings | None = None,
) -> Feature:
    """`PUT`, `GET` and `DELETE /v1/feedback/{request_id}`, and receipts with answers.

    It has to stand above features that give answers without asking a model.
    """
    signing = receipt_settings or ReceiptSettings.load()
    receipts = Receipts(signing.secrets, signing.receipt_lifetime_s)
    database = Database(database_settings or DatabaseSettings.load())
    outcomes = Outcomes()

    def wrap(ports: Ports) -> Ports:
        outcomes.meter = ports.meter
        return ports.wrapped(noted)

    async def away(_: Request, error: DatabaseAwayError) -> JSONResponse:
        outcomes.count("away")
        return problem_response(problem(503, str(error)), {"Retry-After": str(RETRY_AFTER_S)})

    return Feature(
        name="feedback",
        middleware=[Middleware(GivesReceipts, receipts=receipts)],
        exposed=[HEADER.lower()],
        model_routers=[feedback_router(receipts, Corrections(database), outcomes.count)],
        wrap=wrap,
        lifespan=lambda _: database.opened(),
        checks=[database.note],
        handlers={DatabaseAwayError: away},
    )
