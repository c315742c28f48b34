"""One answer is made by one version of a model, however many calls it takes.

While one version replaces another, replicas change over one after the other, and calls that
belong together may be answered by both. Those answers are then asked for once more, by name:
replicas hold a replaced version for a while, and fetch one that they have not heard of.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence

from servekit.contracts import ModelReplacedError, ModelUnavailableError

from acme_service.ports import Detection, Query

MAX_VERSIONS_TRIED = 3
"""There are two while one replaces the other. More means that nobody will ever agree."""

Ask = Callable[[Sequence[Query]], Awaitable[list[Detection]]]


def pinned(queries: Iterable[Query], reference: str) -> list[Query]:
    """The same questions, to be answered by this version alone."""
    return [query._replace(model=reference) for query in queries]


async def of_one_version(
    queries: Sequence[Query], detections: list[Detection], ask: Ask
) -> list[Detection]:
    """The detections as they are, if one version has made them all; else those of one of them.

    ask: asks the model again. Raises ModelUnavailableError when no version answers everything.
    """
    made_by = Counter([detection.model for detection in detections])
    if len(made_by) <= 1:
        return detections
    for reference, _ in made_by.most_common(MAX_VERSIONS_TRIED):
        others = [
            index for index, detection in enumerate(detections) if detection.model != reference
        ]
        try:
            again = await ask(pinned([queries[index] for index in others], reference))
        except ModelReplacedError:
            continue
        if all(detection.model == reference for detection in again):
            agreed = list(detections)
            for index, detection in zip(others, again, strict=True):
                agreed[index] = detection
            return agreed
    raise replaced()


def replaced() -> ModelUnavailableError:
    return ModelUnavailableError("The language model is being replaced.")
