"""Asks a model for items of one kind at a time."""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

Input = TypeVar("Input")
Output = TypeVar("Output")


def predict_in_groups(
    items: Sequence[Input],
    kind: Callable[[Input], Hashable],
    predict: Callable[[Sequence[Input]], Sequence[Output]],
) -> list[Output]:
    """Answer a batch by one call for the items of each kind.

    For models whose items do not all fit into one array, such as texts of different lengths.

    Args:
        items: Of any kinds.
        kind: What items have in common that fit together, such as a length.
        predict: Answers items of one kind, in order.

    Returns:
        One answer for each item, in order.
    """
    places: dict[Hashable, list[int]] = {}
    for place, item in enumerate(items):
        places.setdefault(kind(item), []).append(place)
    answers: dict[int, Output] = {}
    for group in places.values():
        answers.update(zip(group, predict([items[place] for place in group]), strict=True))
    return [answers[place] for place in range(len(items))]
