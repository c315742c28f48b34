"""What an API is given: models and a meter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from .contract import Contract
from .meter import Meter
from .predictor import Predictor


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
