"""What both transports of the protocol ask of a model."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from servekit.api.errors import ProblemError
from servekit.api.models import known_model
from servekit.contracts import CHAMPION, ModelCard, ModelReplacedError, Ports, Prediction, Predictor

from .signature import Signature
from .tensors import TensorError

Read = TypeVar("Read")

LARGE_BYTES = 64 * 1024
"""From this size on, a request is read in a thread: it takes milliseconds."""


async def card_of(ports: Ports, name: str, version: str = CHAMPION) -> ModelCard:
    """Return the card of the version that answers, or of the one that is asked for.

    Raises:
        ProblemError: There is no such model, or this version of it does not answer.
        ModelError: The model does not answer.
    """
    model = known_model(ports, name)
    card = await model.card()
    if version in {CHAMPION, card.version}:
        return card
    try:
        # The challenger is held too, where there is one.
        return await model.card(card._replace(version=version).reference)
    except ModelReplacedError:
        raise ProblemError(404, "This version of the model does not answer now.") from None


def metadata_of(card: ModelCard, name: str, signature: Signature) -> dict[str, Any]:
    """Return what the protocol says about a model."""
    return {
        "name": name,
        "versions": [card.version] if card.version else [],
        "platform": "ray-serve",
        "inputs": [one.metadata for one in signature.inputs],
        "outputs": [one.metadata for one in signature.outputs],
    }


async def understood(size_bytes: int, read: Callable[..., Read], *arguments: Any) -> Read:
    """Return what `read` makes of a request.

    Args:
        size_bytes: Of the request; a large one is read in a thread.
        read: Raises TensorError.
        arguments: For `read`.

    Raises:
        ProblemError: The request is not what the model takes.
    """
    try:
        if size_bytes < LARGE_BYTES:
            return read(*arguments)
        return await run_in_threadpool(read, *arguments)
    except TensorError as error:
        raise ProblemError(422, str(error)) from None


def predictor_of(connection: HTTPConnection, name: str) -> Predictor[Any, Any]:
    """Return a model behind the canary, by its name."""
    state = connection.app.state
    return state.canary.over(known_model(state.ports, name), connection)


async def predicted(
    model: Predictor[Any, Any], items: Sequence[Any], version: str
) -> list[Prediction[Any]]:
    """Answer the items of a request, all by one version.

    One item is batched with those of other requests, and found in the cache.
    """
    if len(items) > 1:
        return await model.predict_batch(items, version)
    return [await model.predict(items[0], version)]
