"""The routes of a model, made from its contract."""

# The types of routes are made from the contract, while the program runs.
# pyright: reportInvalidTypeForm=false, reportAttributeAccessIssue=false

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Body, Depends, Path, Request, Response
from fastapi.sse import (
    KEEPALIVE_COMMENT,
    EventSourceResponse,
    ServerSentEvent,
    format_sse_event,
)
from pydantic import BaseModel, Field, TypeAdapter, create_model

from servekit.contracts import Contract, ModelError, Ports, Predictor

from .contract_types import input_type
from .dependencies import CurrentPorts, predictor
from .errors import DOCUMENTED, ProblemError, documented, model_problem
from .fast_route import ModelCall, Predictions, StreamCall
from .model_header import DOCUMENTS_MODEL, set_model_header
from .routers import PrefixRouter
from .streams import share_held, started

log = logging.getLogger(__name__)

MAX_ITEMS = 1_000
"""The most items in one batch."""


class Event(NamedTuple):
    """A server-sent event, with its data as JSON."""

    name: str
    data: str


def model_router(contract: Contract, prefix: str, **options: Any) -> APIRouter:
    """The routes of a model.

    `POST {prefix}` answers one item, `/batch` many, `/lines` many as JSON Lines, each as soon as
    it is there; where the contract streams, `/stream` answers one item by server-sent events.

    Args:
        contract: Of the model.
        prefix: Where its routes are, such as "/v1/churn".
        options: Whatever else `APIRouter` takes, such as `deprecated=True`.

    Returns:
        A router, to which further routes can be added.
    """
    options = {"tags": [contract.name]} | options
    options["responses"] = DOCUMENTED | DOCUMENTS_MODEL | options.get("responses", {})
    router = PrefixRouter(prefix, **options)
    item = input_type(contract)
    _add_single(router, contract, item)
    _add_many(router, contract, item)
    if contract.streams:
        _add_stream(router, contract, item)
    return router


def _add_single(router: APIRouter, contract: Contract, item: Any) -> None:
    Item = Annotated[item, Body()]  # noqa: N806
    Output = contract.output  # noqa: N806
    Model = Annotated[Predictor[Any, Any], Depends(predictor(contract))]  # noqa: N806

    async def answer(item: Any, model: Predictor[Any, Any]) -> tuple[Any, str]:
        prediction = await model.predict(item)
        return prediction.value, prediction.version

    @router.post("", name=f"predict_{contract.name}")
    async def predict(item: Item, model: Model, response: Response) -> Output:
        """Answer one item."""
        value, version = await answer(item, model)
        set_model_header(response, version)
        return value

    router.routes[-1].call = ModelCall(contract, answer)
    # By which features find where, inside other routers too, the model has its routes.
    router.routes[-1].contract = contract


def _add_many(router: APIRouter, contract: Contract, item: Any) -> None:
    title = "".join(part.capitalize() for part in contract.name.split("_"))
    several: Any = Annotated[list[item], Field(min_length=1, max_length=MAX_ITEMS)]
    Items = create_model(f"{title}Items", items=(several, ...))  # noqa: N806
    Output = contract.output  # noqa: N806
    Results = create_model(f"{title}Results", results=(list[Output], ...))  # noqa: N806
    Model = Annotated[Predictor[Any, Any], Depends(predictor(contract))]  # noqa: N806

    output: TypeAdapter[Any] = TypeAdapter(contract.output)

    async def answer(body: Any, model: Predictor[Any, Any]) -> tuple[Any, str]:
        predictions = await model.predict_batch(body.items)
        return Results(results=[one.value for one in predictions]), predictions[0].version

    # Names differ in their first word: `predict_x_batch` would be that of a model `x_batch`, too.
    @router.post("/batch", name=f"batch_predict_{contract.name}")
    async def predict_batch(body: Items, model: Model, response: Response) -> Results:
        """Answer many items, in order, all by one version of the model."""
        results, version = await answer(body, model)
        set_model_header(response, version)
        return results

    router.routes[-1].call = ModelCall(contract, answer)

    def predictions(body: Any, model: Predictor[Any, Any]) -> Predictions:
        return model.predict_each(body.items)

    async def each(
        body: Items, model: Model, request: Request, response: Response
    ) -> AsyncIterator[Predictions]:
        with share_held(request):
            async with started(predictions(body, model)) as (first, whole):
                set_model_header(response, first.version if first else "")
                yield whole

    @router.post("/lines", name=f"iterate_{contract.name}", responses=documented([429]))
    async def predict_lines(
        predictions: Annotated[Predictions, Depends(each)],
    ) -> AsyncIterator[Output]:
        """Answer many items by JSON Lines, in order, each as soon as it is done.

        A stream that is cut before its last line means that the model failed on the way.
        """
        async for prediction in predictions:
            yield prediction.value

    async def lines(predictions: Predictions) -> AsyncIterator[bytes]:
        async for prediction in predictions:
            yield f"{written(contract, output, prediction.value)}\n".encode()

    router.routes[-1].call = StreamCall(contract, predictions, lines, "application/jsonl")


def _add_stream(router: APIRouter, contract: Contract, item: Any) -> None:
    Item = Annotated[item, Body()]  # noqa: N806
    Model = Annotated[Predictor[Any, Any], Depends(predictor(contract))]  # noqa: N806
    output: TypeAdapter[Any] = TypeAdapter(contract.output)

    def predictions(item: Any, model: Predictor[Any, Any]) -> Predictions:
        return model.stream(item)

    async def pieces(
        item: Item, model: Model, request: Request, response: Response
    ) -> AsyncIterator[Predictions]:
        with share_held(request):
            async with started(predictions(item, model)) as (first, whole):
                set_model_header(response, first.version if first else "")
                yield whole

    @router.post(
        "/stream",
        name=f"stream_{contract.name}",
        response_class=EventSourceResponse,
        responses=documented([429]),
    )
    async def stream(
        predictions: Annotated[Predictions, Depends(pieces)],
    ) -> AsyncIterator[ServerSentEvent]:
        """Answer one item by server-sent events: `prediction`, then `done` or `error`."""
        async for event in events(contract, output, predictions):
            yield ServerSentEvent(event=event.name, raw_data=event.data)

    async def formatted(predictions: Predictions) -> AsyncIterator[bytes]:
        async for event in events(contract, output, predictions):
            yield format_sse_event(event=event.name, data_str=event.data)

    router.routes[-1].call = StreamCall(
        contract,
        predictions,
        formatted,
        media_type="text/event-stream",
        # As FastAPI says; the second one is for nginx, which would wait for more.
        headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
        response_class=EventSourceResponse,
        keep_alive=KEEPALIVE_COMMENT,
    )


async def events(
    contract: Contract, output: TypeAdapter[Any], predictions: Predictions
) -> AsyncIterator[Event]:
    """Yield an event for each prediction, and one that says how the stream has ended."""
    try:
        async for prediction in predictions:
            yield Event("prediction", written(contract, output, prediction.value))
    except ModelError as error:
        yield Event("error", json.dumps(model_problem(error)))
    else:
        yield Event("done", "{}")


def written(contract: Contract, output: TypeAdapter[Any], value: Any) -> str:
    """Serialize an answer as FastAPI would: validated, and by alias.

    Raises:
        ModelError: The answer is not what the contract says.
    """
    with failing_the_model(contract):
        checked = output.validate_python(value, from_attributes=True)
        return output.dump_json(checked, by_alias=True).decode()


def dumped(contract: Contract, output: TypeAdapter[Any], value: Any) -> Any:
    """Return what `written` serializes: dictionaries, lists and values that JSON has.

    Raises:
        ModelError: The answer is not what the contract says.
    """
    with failing_the_model(contract):
        checked = output.validate_python(value, from_attributes=True)
        return output.dump_python(checked, mode="json", by_alias=True)


@contextmanager
def failing_the_model(contract: Contract) -> Iterator[None]:
    try:
        yield
    except ValueError:
        log.exception("an answer of the %s model is not what its contract says", contract.name)
        raise ModelError(f"The {contract.name} model failed.") from None


class ModelOut(BaseModel):
    """A model, the version that answers now, and the path of its routes.

    version: null while no process answers.
    path: null where `model_router` has made no routes.
    """

    name: str
    version: str | None
    path: str | None


class ModelDetailsOut(ModelOut):
    """A model, what it reports about itself, and the JSON Schemas of one item.

    streams: whether one item is answered piece by piece.
    """

    facts: dict[str, Any]
    streams: bool
    input: dict[str, Any]
    output: dict[str, Any]


def schemas_of(contract: Contract) -> dict[str, dict[str, Any]]:
    """The JSON Schemas of one item. To make them takes milliseconds."""
    return {
        "input": TypeAdapter(contract.input).json_schema(),
        "output": TypeAdapter(contract.output).json_schema(mode="serialization"),
    }


models_router = PrefixRouter("/v1/models", tags=["models"], responses=DOCUMENTED)

Name = Annotated[str, Path(description="Name of a model.", examples=["churn"], max_length=64)]


def known_model(ports: Ports, name: str) -> Predictor[Any, Any]:
    """Return a model by its name; raise ProblemError where there is none."""
    if name not in ports.models:
        raise ProblemError(404, "There is no model of this name.")
    return ports.models[name]


async def _version(model: Predictor[Any, Any]) -> str | None:
    try:
        return (await model.card()).version
    except ModelError:
        return None


async def model_paths(request: Request) -> dict[str, str]:
    return request.app.state.model_paths


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
async def get_model(
    name: Name, ports: CurrentPorts, paths: CurrentPaths, request: Request
) -> ModelDetailsOut:
    """One model, with the JSON Schemas of its input and output."""
    card = await known_model(ports, name).card()
    schemas: dict[str, dict[str, Any]] = request.app.state.schemas[name]
    return ModelDetailsOut(
        name=name,
        version=card.version,
        path=paths.get(name),
        facts=dict(card.facts),
        streams=ports.contracts[name].streams,
        **schemas,
    )
