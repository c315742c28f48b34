"""The versions that a replica has loaded."""

from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

from servekit.contracts import CHALLENGER

Model = TypeVar("Model")


class LoadedVersions(NamedTuple, Generic[Model]):
    """An immutable snapshot of the versions that a replica holds.

    champion, challenger: references; the challenger's is empty when there is none.
    models: by reference; those that were replaced just now are still among them.
    """

    champion: str
    challenger: str
    models: Mapping[str, Model]

    def find(self, wanted: str) -> tuple[str, Model] | None:
        """Return the reference and model of a role or reference; both roles always find one."""
        if wanted == CHALLENGER:
            wanted = self.challenger
        reference = wanted or self.champion
        return (reference, self.models[reference]) if reference in self.models else None

    def with_champion(self, reference: str, model: Model) -> "LoadedVersions[Model]":
        return self._replace(champion=reference, models={**self.models, reference: model})

    def with_challenger(self, reference: str, model: Model) -> "LoadedVersions[Model]":
        return self._replace(challenger=reference, models={**self.models, reference: model})

    def replaced(self) -> set[str]:
        """Return the versions that have no role any more."""
        return set(self.models) - {self.champion, self.challenger}

    def without(self, references: set[str]) -> "LoadedVersions[Model]":
        kept = {each: model for each, model in self.models.items() if each not in references}
        return self._replace(models=kept)
