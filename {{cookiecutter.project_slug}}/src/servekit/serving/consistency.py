"""Ensures that one version of a model answers a whole request, however many calls it takes.

During a rollout replicas change over one after the other, and the calls of one request may be
answered by both versions. The smaller part is then asked again, by version: replicas hold a
replaced version for a while, and fetch one that is new to them.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from servekit.contracts import ModelReplacedError, ModelUnavailableError, Prediction

MAX_VERSIONS_TRIED = 3
"""A rollout has two. With many more, they would never agree."""

Ask = Callable[[Sequence[Any], str], Awaitable[list[Prediction[Any]]]]
"""Takes items, and the reference of the version that has to answer all of them."""


async def require_single_version(
    model: str, items: Sequence[Any], predictions: list[Prediction[Any]], ask: Ask
) -> list[Prediction[Any]]:
    """Return predictions for all items that were made by one version.

    Args:
        model: The name of the model.
        items: The items of the request.
        predictions: One for each item, in order; returned as they are if one version made them.
        ask: Calls the model again.

    Raises:
        ModelUnavailableError: No version answers every item.
    """
    made_by = Counter([one.version for one in predictions])
    if len(made_by) <= 1:
        return predictions
    for version, _ in made_by.most_common(MAX_VERSIONS_TRIED):
        others = [index for index, one in enumerate(predictions) if one.version != version]
        try:
            again = await ask([items[index] for index in others], version)
        except ModelReplacedError:
            continue
        if all(one.version == version for one in again):
            agreed = list(predictions)
            for index, prediction in zip(others, again, strict=True):
                agreed[index] = prediction
            return agreed
    raise replaced(model)


def replaced(model: str) -> ModelUnavailableError:
    return ModelUnavailableError(f"The {model} model is being replaced.")
