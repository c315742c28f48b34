"""Puts the service together from what was chosen. Nothing here needs Ray."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fastapi import FastAPI

from acme_service.api import Feature, create_app
from acme_service.api.canary import CanarySettings
from acme_service.api.logs import configure_logging
from acme_service.api.settings import (
    ApiSettings,
    Settings,
    SettingsError,
    refuse_misspellings,
)
from acme_service.deployments.settings import VARIABLES, StoreSettings
from acme_service.models.errors import ModelStoreError
from acme_service.models.store import chosen
from acme_service.ports import Meter, Ports

from .batches import around_calls
from .calls import ModelCalls
from .features import doors, enabled, models, sources
from .launcher.settings import LaunchSettings
from .local import LocalCalls
from .model import by_name
from .settings import GatherSettings

OTHER_VARIABLES = [*VARIABLES]
"""Settings that are read outside the `Settings` classes."""


class Checked(NamedTuple):
    """What the environment says, read once, and the features that it enables."""

    api: ApiSettings
    canary: CanarySettings
    gather: GatherSettings
    features: Sequence[Feature]


def check_settings() -> Checked:
    """Read and check all settings, those of the enabled features included.

    Raises SettingsError when a setting is malformed or nearly spelt like one, and when two models
    have one name.
    """
    by_name(models())
    LaunchSettings.load()
    api, canary, gather = ApiSettings.load(), CanarySettings.load(), GatherSettings.load()
    features = [*enabled(), *(door.feature for door in doors())]
    try:
        chosen(tuple(sources()), StoreSettings.load().store)
    except ModelStoreError as error:
        raise SettingsError(str(error)) from None
    refuse_misspellings([*Settings.variables(), *OTHER_VARIABLES])
    return Checked(api, canary, gather, features)


def ports_over(
    calls: Mapping[str, ModelCalls],
    meter: Meter,
    features: Sequence[Feature],
    settings: GatherSettings,
) -> Ports:
    """What the API asks, through calls to each model by its name."""
    around = around_calls(features)
    known = by_name(models())
    clients = {
        name: one.client(calls[name], one.within(settings), meter, around)
        for name, one in known.items()
    }
    return Ports(clients, meter, {name for name, one in known.items() if one.patience_s})


def local_calls(settings: GatherSettings, meter: Meter | None = None) -> Mapping[str, ModelCalls]:
    """Calls to all models, loaded into this process."""
    timeout_s = settings.timeout_s
    counts = None if meter is None else lambda: meter
    return {
        name: LocalCalls(name, one.held(counts), timeout_s)
        for name, one in by_name(models()).items()
    }


def assemble(ports: Ports, checked: Checked) -> FastAPI:
    """The whole API around `ports`, with the features and settings that were checked."""
    configure_logging(checked.api.log_level)
    return create_app(ports, checked.features, checked.api, checked.canary)
