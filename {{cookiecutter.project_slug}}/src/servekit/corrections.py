"""Corrections in a file of JSON Lines, as feedback exports them and training reads them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from pydantic_core import from_json

from servekit.contracts import Contract


class CorrectionsError(ValueError):
    """A line is not a correction of the model. The message names its number."""


class Correction(NamedTuple):
    """What is right for an item: of the input type and the label type of a contract."""

    input: Any
    label: Any


def read_corrections(contract: Contract, lines: Iterable[str]) -> list[Correction]:
    """Read the corrections of one model, and skip those of others.

    Args:
        contract: Of the model; it has a label type.
        lines: JSON objects with `input`, `label` and, where there are several models, `model`.

    Returns:
        One correction a line, in order.

    Raises:
        CorrectionsError: A line is not a correction, or not one of the types of the contract.
    """
    input_: TypeAdapter[Any] = TypeAdapter(contract.input)
    label: TypeAdapter[Any] = TypeAdapter(contract.label)
    found: list[Correction] = []
    for number, line in enumerate(lines, 1):
        try:
            content = from_json(line) if line.strip() else {"model": ""}
            if content.get("model", contract.name) == contract.name:
                found.append(
                    Correction(
                        input_.validate_python(content["input"]),
                        label.validate_python(content["label"]),
                    )
                )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CorrectionsError(
                f"Line {number} of the corrections is not a JSON object with the input and the "
                f"label of an answer of the {contract.name} model."
            ) from None
    return found
