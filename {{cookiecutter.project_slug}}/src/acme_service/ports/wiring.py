"""Everything the API is given."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .language import LanguageDetector
from .meter import Meter


@dataclass(frozen=True)
class Ports:
    """The models the API talks to, and the meter it reports to.

    models: by name, each with a `check` as that of LanguageDetector. `language` is always there.
    optional: names of those that requests can be answered without.
    """

    models: Mapping[str, Any]
    meter: Meter
    optional: Collection[str] = ()

    @property
    def language(self) -> LanguageDetector:
        return self.models["language"]

    def with_model(self, name: str, model: Any) -> "Ports":
        """The same, with another model of that name."""
        return replace(self, models={**self.models, name: model})
