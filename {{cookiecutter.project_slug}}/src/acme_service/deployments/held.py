"""What a replica of a model holds."""

from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

from acme_service.ports import CHALLENGER

Model = TypeVar("Model")


class Held(NamedTuple, Generic[Model]):
    """What a replica holds at one moment. Never changed, only replaced, so nobody sees half.

    champion, challenger: references; the challenger's is empty when there is none.
    models: by reference; those that were replaced just now are still among them.
    """

    champion: str
    challenger: str
    models: Mapping[str, Model]

    def find(self, wanted: str) -> Model | None:
        """Who answers a query: "" and "challenger" always find somebody."""
        if wanted == CHALLENGER:
            wanted = self.challenger
        return self.models.get(wanted or self.champion)

    def with_champion(self, reference: str, model: Model) -> "Held[Model]":
        return self._replace(champion=reference, models={**self.models, reference: model})

    def with_challenger(self, reference: str, model: Model) -> "Held[Model]":
        return self._replace(challenger=reference, models={**self.models, reference: model})

    def replaced(self) -> set[str]:
        """The versions that are neither, any longer."""
        return set(self.models) - {self.champion, self.challenger}

    def without(self, references: set[str]) -> "Held[Model]":
        kept = {each: model for each, model in self.models.items() if each not in references}
        return self._replace(models=kept)
