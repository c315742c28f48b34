"""Puts the service together from what was chosen. Nothing here needs Ray."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fastapi import FastAPI

from servekit.api import Feature
from servekit.api.canary import CanarySettings
from servekit.api.contract_types import check_contracts
from servekit.api.logging import configure_logging
from servekit.api.settings import ApiSettings
from servekit.commands.launcher.settings import LaunchSettings
from servekit.contracts import Meter, Ports
from servekit.registry.errors import ModelStoreError
from servekit.registry.settings import VARIABLES, StoreSettings
from servekit.registry.store import chosen
from servekit.serving.client import ModelClient
from servekit.serving.in_process import InProcessTransport
from servekit.serving.instrumented_call import around_calls
from servekit.serving.model import by_name
from servekit.serving.settings import BatcherSettings
from servekit.serving.transport import ModelTransport
from servekit.settings import Settings, SettingsError, refuse_misspellings

from acme_service.api.app import SERVICE, create_app
from acme_service.api.settings import DetectionSettings

from .features import features, models, sources, transports

OTHER_VARIABLES = [*VARIABLES]
"""Settings that are read outside the `Settings` classes."""


class Checked(NamedTuple):
    """What the environment says, read once, and the features that it enables."""

    api: ApiSettings
    canary: CanarySettings
    detection: DetectionSettings
    batcher: BatcherSettings
    features: Sequence[Feature]


def check_settings() -> Checked:
    """Read and check all settings, those of the enabled features included.

    Raises SettingsError when a setting is malformed or nearly spelt like one, when two models
    have one name, and when the types of a contract will not do.
    """
    check_contracts(one.contract for one in by_name(models()).values())
    LaunchSettings.load()
    api, canary = ApiSettings.load(), CanarySettings.load()
    detection, batcher = DetectionSettings.load(), BatcherSettings.load()
    enabled = [*features(), *(one.feature for one in transports())]
    try:
        chosen(tuple(sources()), StoreSettings.load().store)
    except ModelStoreError as error:
        raise SettingsError(str(error)) from None
    refuse_misspellings([*Settings.variables(), *OTHER_VARIABLES])
    return Checked(api, canary, detection, batcher, enabled)


def ports_over(
    calls: Mapping[str, ModelTransport],
    meter: Meter,
    features: Sequence[Feature],
    settings: BatcherSettings,
) -> Ports:
    """What the API asks, through calls to each model by its name."""
    around = around_calls([one.around_call for one in features if one.around_call])
    known = by_name(models())
    clients = {
        name: ModelClient(name, calls[name], one.within(settings), meter, around)
        for name, one in known.items()
    }
    return Ports(clients, meter, {name: one.contract for name, one in known.items()})


def local_calls(
    settings: BatcherSettings, meter: Meter | None = None
) -> Mapping[str, ModelTransport]:
    """Calls to all models, loaded into this process."""
    timeout_s, kinds = settings.timeout_s, tuple(sources())
    counts = None if meter is None else lambda: meter
    return {
        name: InProcessTransport(name, one.held(kinds, counts), timeout_s)
        for name, one in by_name(models()).items()
    }


def assemble(ports: Ports, checked: Checked) -> FastAPI:
    """The whole API around `ports`, with the features and settings that were checked."""
    configure_logging(checked.api.log_level, SERVICE.package)
    return create_app(ports, checked.features, checked.api, checked.canary, checked.detection)
