"""What an API is given: models and a meter; what features may put around a call."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import Context
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

from .contract import Contract
from .predictor import Predictor

AroundCall = Callable[[str, Sequence[Context]], AbstractContextManager[Any]]
"""Takes the name of a model and the contexts of the requests in the call; none for the current
one alone."""


class Meter(Protocol):
    """Takes counts and measurements.

    Names are snake_case and end in their unit (`_total`, `_seconds`, `_size`). Labels take
    few values: never a text, an address or an identifier.
    """

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Record one measurement of a distribution."""
        ...


class NullMeter:
    """A meter that drops everything: development collects no metrics."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        return None

    def observe(self, name: str, value: float, **labels: str) -> None:
        return None


@dataclass(frozen=True)
class Ports:
    """The models that an API asks, and the meter that it reports to.

    Attributes:
        models: By name; each is a Predictor.
        meter: Takes counts and measurements.
        contracts: Of the models, by name.
    """

    models: Mapping[str, Any]
    meter: Meter
    contracts: Mapping[str, Contract] = field(default_factory=dict)

    @property
    def optional(self) -> set[str]:
        """The models that requests can be answered without."""
        return {name for name, contract in self.contracts.items() if not contract.required}

    def wrapped(self, wrap: Callable[[Contract, Predictor[Any, Any]], Predictor[Any, Any]]) -> Self:
        """Return the same ports with each model wrapped by `wrap`."""
        models = {name: wrap(self.contracts[name], model) for name, model in self.models.items()}
        return replace(self, models=models)
