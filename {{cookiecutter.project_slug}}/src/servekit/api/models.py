"""Routes that follow from the contracts of models."""

# The types of routes are made from the contract, while the program runs.
# pyright: reportInvalidTypeForm=false, reportAttributeAccessIssue=false

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field, TypeAdapter, create_model
from starlette.requests import HTTPConnection

from servekit.contracts import (
    CHAMPION,
    Contract,
    ModelError,
    NoKeyError,
    Prediction,
    Predictor,
    key_of,
)

from .canary import Asks
from .dependencies import CurrentPorts
from .errors import DOCUMENTED, ProblemError, documented, model_problem
from .model_header import DOCUMENTS_MODEL, set_model_header
from .streams import started

log = logging.getLogger(__name__)

MAX_ITEMS = 1_000
"""The most items in one batch."""

Predictions = AsyncIterator[Prediction[Any]]


@dataclass(frozen=True)
class Asking:
    """How one request asks a model."""

    model: Predictor[Any, Any]
    asks: Asks

    def version(self, *items: Any) -> str:
        """The version to ask about these items together."""
        try:
            return self.asks(map(key_of, items))
        except NoKeyError:
            return CHAMPION


def asking(contract: Contract) -> Callable[[HTTPConnection], Awaitable[Asking]]:
    """A dependency that gives what a route of a model needs."""

    async def ask(connection: HTTPConnection) -> Asking:
        state = connection.app.state
        model = state.ports.models[contract.name]
        return Asking(model, state.canary.asks(connection))

    return ask


class ModelRouter(APIRouter):
    """The routes of one model, to which features add theirs."""

    def __init__(self, contract: Contract, prefix: str) -> None:
        super().__init__(
            prefix=prefix, tags=[contract.name], responses=DOCUMENTED | DOCUMENTS_MODEL
        )
        self.contract = contract


def model_router(contract: Contract, prefix: str) -> ModelRouter:
    """The routes of a model.

    `POST {prefix}` answers one item, `/batch` many, `/lines` many as JSON Lines, each as soon as
    it is there; where the contract streams, `/stream` answers one item by server-sent events.

    Args:
        contract: Of the model.
        prefix: Where its routes are, such as "/v1/churn".

    Returns:
        A router, to which further routes can be added.
    """
    router = ModelRouter(contract, prefix)
    _add_single(router, contract)
    _add_many(router, contract)
    if contract.streams:
        _add_stream(router, contract)
    return router


def _add_single(router: APIRouter, contract: Contract) -> None:
    Item = Annotated[contract.input, Body()]  # noqa: N806
    Output = contract.output  # noqa: N806
    Ask = Annotated[Asking, Depends(asking(contract))]  # noqa: N806

    @router.post("", name=f"predict_{contract.name}")
    async def predict(item: Item, ask: Ask, response: Response) -> Output:
        """Answer one item."""
        prediction = await ask.model.predict(item, ask.version(item))
        set_model_header(response, prediction.version)
        return prediction.value


def _add_many(router: APIRouter, contract: Contract) -> None:
    title = "".join(part.capitalize() for part in contract.name.split("_"))
    several: Any = Annotated[list[contract.input], Field(min_length=1, max_length=MAX_ITEMS)]
    Items = create_model(f"{title}Items", items=(several, ...))  # noqa: N806
    Output = contract.output  # noqa: N806
    Results = create_model(f"{title}Results", results=(list[Output], ...))  # noqa: N806
    Ask = Annotated[Asking, Depends(asking(contract))]  # noqa: N806

    @router.post("/batch", name=f"predict_{contract.name}_batch")
    async def predict_batch(body: Items, ask: Ask, response: Response) -> Results:
        """Answer many items, in order, all by one version of the model."""
        predictions = await ask.model.predict_batch(body.items, ask.version(*body.items))
        set_model_header(response, predictions[0].version)
        return Results(results=[one.value for one in predictions])

    async def each(body: Items, ask: Ask, response: Response) -> AsyncIterator[Predictions]:
        predictions = ask.model.predict_each(body.items, ask.version(*body.items))
        async with started(predictions) as (first, whole):
            set_model_header(response, first.version if first else "")
            yield whole

    @router.post("/lines", name=f"predict_{contract.name}_lines")
    async def predict_lines(
        predictions: Annotated[Predictions, Depends(each)],
    ) -> AsyncIterator[Output]:
        """Answer many items by JSON Lines, in order, each as soon as it is done.

        A stream that is cut before its last line means that the model failed on the way.
        """
        async for prediction in predictions:
            yield prediction.value


def _add_stream(router: APIRouter, contract: Contract) -> None:
    Item = Annotated[contract.input, Body()]  # noqa: N806
    Ask = Annotated[Asking, Depends(asking(contract))]  # noqa: N806
    output: TypeAdapter[Any] = TypeAdapter(contract.output)

    async def pieces(item: Item, ask: Ask, response: Response) -> AsyncIterator[Predictions]:
        async with started(ask.model.stream(item, ask.version(item))) as (first, whole):
            set_model_header(response, first.version if first else "")
            yield whole

    @router.post("/stream", name=f"stream_{contract.name}", response_class=EventSourceResponse)
    async def stream(
        predictions: Annotated[Predictions, Depends(pieces)],
    ) -> AsyncIterator[ServerSentEvent]:
        """Answer one item by server-sent events: `prediction`, then `done` or `error`."""
        try:
            async for prediction in predictions:
                data = written(contract, output, prediction.value)
                yield ServerSentEvent(event="prediction", raw_data=data)
        except ModelError as error:
            yield ServerSentEvent(event="error", data=model_problem(error))
        else:
            yield ServerSentEvent(event="done", data={})


def written(contract: Contract, output: TypeAdapter[Any], value: Any) -> str:
    """An answer as JSON, where FastAPI does not write it: checked and named as it would be.

    Raises ModelError when it is not what the contract says.
    """
    try:
        checked = output.validate_python(value, from_attributes=True)
        return output.dump_json(checked, by_alias=True).decode()
    except ValueError:
        log.exception("an answer of the %s model is not what its contract says", contract.name)
        raise ModelError(f"The {contract.name} model failed.") from None


class ModelOut(BaseModel):
    """version: the one that answers now; null while no process does.

    path: of its routes, as `model_router` has made them; null where there are none.
    """

    name: str
    version: str | None
    path: str | None


class ModelDetailsOut(ModelOut):
    """facts: what the model says of itself. input, output: JSON Schemas of one item.

    streams: whether one item is answered piece by piece.
    """

    facts: dict[str, Any]
    streams: bool
    input: dict[str, Any]
    output: dict[str, Any]


models_router = APIRouter(prefix="/v1/models", tags=["models"], responses=DOCUMENTED)

Name = Annotated[str, Path(description="Of the model.", max_length=64)]


async def _version(model: Predictor[Any, Any]) -> str | None:
    try:
        return (await model.card()).version
    except ModelError:
        return None


async def model_paths(connection: HTTPConnection) -> dict[str, str]:
    return connection.app.state.model_paths


CurrentPaths = Annotated[dict[str, str], Depends(model_paths)]


@models_router.get("")
async def list_models(ports: CurrentPorts, paths: CurrentPaths) -> list[ModelOut]:
    """Every model, the version of it that answers, and where."""
    versions = await asyncio.gather(*map(_version, ports.models.values()))
    return [
        ModelOut(name=name, version=version, path=paths.get(name))
        for name, version in zip(ports.models, versions, strict=True)
    ]


@models_router.get("/{name}", responses=documented([404]))
async def get_model(name: Name, ports: CurrentPorts, paths: CurrentPaths) -> ModelDetailsOut:
    """One model, and what it takes and gives."""
    if name not in ports.models:
        raise ProblemError(404, "There is no model of this name.")
    contract, card = ports.contracts[name], await ports.models[name].card()
    return ModelDetailsOut(
        name=name,
        version=card.version,
        path=paths.get(name),
        facts=dict(card.facts),
        streams=contract.streams,
        input=TypeAdapter(contract.input).json_schema(),
        output=TypeAdapter(contract.output).json_schema(mode="serialization"),
    )
