"""Declares the models of a service."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from servekit.contracts import Contract, Meter
from servekit.registry.golden import GoldenExample, read_golden
from servekit.registry.settings import StoreSettings
from servekit.registry.sources.source import SourceKind
from servekit.registry.store import ModelStore
from servekit.settings import SettingsError

from .deployment import ModelDeployment, VersionedDeployment, files_of, imported
from .settings import BatcherSettings


@dataclass(frozen=True)
class Model:
    """A contract, and the class that implements it.

    Attributes:
        contract: What is asked and what is answered; its name is the model's.
        path: Where the class is, "package.module:Class".
        versioned: Whether it is made from a version of the model store; else it is a library's
            own, and needs no files. Its class may have `golden`, examples of what it answers.
        deployment: A Serve class of one's own with the methods of `ModelDeployment`, `close`
            included.
        timeout_s: Returns the time limit of an optional model, in seconds; called when the service
            starts.
        training: Where its training is, "package.module:function", which takes a `Training`.
    """

    contract: Contract
    path: str
    versioned: bool = True
    deployment: type[Any] | None = None
    timeout_s: Callable[[], float] | None = None
    training: str = ""

    @property
    def name(self) -> str:
        return self.contract.name

    @property
    def kind(self) -> type[Any]:
        """The class of the deployment."""
        return self.deployment or (VersionedDeployment if self.versioned else ModelDeployment)

    def arguments(
        self, kinds: Sequence[SourceKind], meter: Callable[[], Meter] | None
    ) -> tuple[Any, ...]:
        """Return the arguments of the deployment; pickled by name, so that they are small."""
        store = (tuple(kinds), meter) if self.versioned else ()
        return (self.contract, self.path, *store)

    def held(self, kinds: Sequence[SourceKind], meter: Callable[[], Meter] | None) -> Any:
        """Create the deployment's object in this process."""
        arguments = self.arguments(kinds, meter)
        if self.kind is ModelDeployment:
            # Here it shares a start with all the rest, which need not wait for it.
            return ModelDeployment(*arguments, in_background=not self.contract.required)
        return self.kind(*arguments)

    def golden(self, kinds: Sequence[SourceKind], reference: str = "") -> list[GoldenExample]:
        """The golden examples of a version in the store; else the `golden` of the class.

        Args:
            kinds: Of places that `MODEL_STORE` may name.
            reference: Of the version; by default of the champion.

        Raises:
            ModelStoreError: The version is missing or not sound.
        """
        if self.versioned:
            store = self.store(kinds, StoreSettings.load())
            files = store.open(reference or f"{self.name}@champion")
            if not files.has_no_manifest:
                return read_golden(files, self.contract)
        return [*getattr(imported(self.name, self.path), "golden", ())]

    def store(self, kinds: Sequence[SourceKind], settings: StoreSettings) -> ModelStore:
        """Open the store for versions of this model, also for those without a manifest.

        Args:
            kinds: Of places that it may be.
            settings: Where it is.

        Raises:
            ModelStoreError: The store or the class of the model is not as it has to be.
        """
        return settings.opened(kinds, files_of(self.contract, self.path))

    def within(self, settings: BatcherSettings) -> BatcherSettings:
        """Return the settings for this model, with its own time limit if it has one."""
        return settings.within(self.timeout_s()) if self.timeout_s else settings


def by_name(models: Iterable[Model]) -> Mapping[str, Model]:
    """Map models by name.

    Raises:
        SettingsError: Two have the same name.
    """
    models = list(models)
    for name, times in Counter(one.name for one in models).items():
        if times > 1:
            raise SettingsError(f"Duplicate model name {name!r} in features.py.")
    return {one.name: one for one in models}
