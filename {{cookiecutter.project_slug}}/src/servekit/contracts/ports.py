"""Everything that an API is given."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from .meter import Meter


@dataclass(frozen=True)
class Ports:
    """The models that an API asks, and the meter that it reports to.

    Attributes:
        models: By name; each has a `check` as `Predictor` has it.
        meter: Takes counts and measurements.
        optional: The names of those that requests can be answered without.
    """

    models: Mapping[str, Any]
    meter: Meter
    optional: Collection[str] = ()

    def with_model(self, name: str, model: Any) -> Self:
        """Return the same ports with another model of that name."""
        return replace(self, models={**self.models, name: model})
