"""Makes one version of a model answer a request, however many calls that takes.

While one version replaces another, replicas change over one after the other, and calls that
belong together may be answered by both. Those answers are then asked for once more, by name:
replicas hold a replaced version for a while, and fetch one that they have not heard of.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from servekit.contracts import ModelReplacedError, ModelUnavailableError, Prediction

MAX_VERSIONS_TRIED = 3
"""There are two while one replaces the other. With more of them, they will never agree."""

Ask = Callable[[Sequence[Any], str], Awaitable[list[Prediction[Any]]]]
"""Takes items, and the reference of the version that has to answer them all."""


async def require_single_version(
    model: str, items: Sequence[Any], predictions: list[Prediction[Any]], ask: Ask
) -> list[Prediction[Any]]:
    """The predictions as they are, if one version has made them all; else those of one of them.

    Args:
        model: The name of the model.
        items: What was asked.
        predictions: What was answered, one an item, in order.
        ask: Asks the model again.

    Raises:
        ModelUnavailableError: No version answers everything.
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
