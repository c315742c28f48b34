"""Predictions and model cards."""

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

Output = TypeVar("Output")


class Prediction(NamedTuple, Generic[Output]):
    """The answer to one item.

    value: of the output type of the contract.
    version: the reference of the version that answered, such as "churn:3"; "" when unknown.
    """

    value: Output
    version: str = ""


class ModelCard(NamedTuple):
    """The version of a model that answers now.

    name, version: as the model store has them.
    facts: what the model says of itself, such as the classes that it knows.
    note: one sentence for operators when something is not as it should be, such as a version
        that was refused; it names no path and no address.
    """

    name: str
    version: str
    facts: Mapping[str, Any] = {}
    note: str = ""

    @property
    def reference(self) -> str:
        """One name for this version of this model."""
        return f"{self.name}:{self.version}" if self.version else self.name
