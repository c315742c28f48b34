"""What both transports of the protocol ask of a model."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import HTTPConnection

from servekit.api.errors import ProblemError
from servekit.api.models import known_model
from servekit.contracts import CHAMPION, ModelCard, ModelReplacedError, Ports, Prediction, Predictor

PLATFORM = "ray-serve"
"""What metadata calls the framework of every model."""

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
