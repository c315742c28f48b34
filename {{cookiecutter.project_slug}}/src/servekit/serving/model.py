"""One model, as data."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from servekit.contracts import AroundCall, Meter
from servekit.settings import SettingsError

from .settings import GatherSettings
from .transport import ModelTransport

INGRESS = "ingress"
"""The deployment that asks the models."""


def no_arguments(_: Callable[[], Meter] | None) -> tuple[Any, ...]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Model:
    """What `app` and `assembly` need to know of a model. They decide when each part applies.

    name: in `Ports`, in `serve.yaml`, in metrics and in readiness.
    deployment: the class that holds the model, in a replica of its own or in the ingress.
    client: answers the port through calls to the deployment.
    arguments: takes what makes the meter, and gives the arguments of `deployment`.
    in_process: what holds the model in the ingress, where that is not `deployment` itself.
    patience_s: how long requests wait for a model that they can be answered without. It is read
        when the service starts. Without the other models, the service is not ready.
    """

    name: str
    deployment: type[Any]
    client: Callable[[ModelTransport, GatherSettings, Meter, AroundCall], Any]
    arguments: Callable[[Callable[[], Meter] | None], tuple[Any, ...]] = no_arguments
    in_process: Callable[..., Any] | None = None
    patience_s: Callable[[], float] | None = None

    def held(self, meter: Callable[[], Meter] | None) -> Any:
        """What holds the model in this process."""
        return (self.in_process or self.deployment)(*self.arguments(meter))

    def within(self, settings: GatherSettings) -> GatherSettings:
        """How it is asked."""
        return settings.within(self.patience_s()) if self.patience_s else settings


def by_name(models: Iterable[Model]) -> Mapping[str, Model]:
    """Raises SettingsError when two have one name, or one has that of the ingress."""
    models = list(models)
    for name, times in Counter([INGRESS, *(one.name for one in models)]).items():
        if times > 1:
            owner = "the ingress and a model are" if name == INGRESS else "two models are"
            raise SettingsError(f"In features.py {owner} called {name!r}.")
    return {one.name: one for one in models}
