"""Puts the service together from what was chosen. Nothing here needs Ray."""

from collections.abc import Sequence

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
from .features import doors, enabled, sources
from .local import LocalCalls
from .models import GatheringDetector, GatheringSentiment
from .settings import GatherSettings

OTHER_VARIABLES = [*VARIABLES]
"""Settings that are read outside the `Settings` classes."""


def check_settings() -> Sequence[Feature]:
    """The enabled features, all of whose settings are right, as are those of the service.

    Raises SettingsError when a setting is malformed or nearly spelt like one.
    """
    ApiSettings.load()
    CanarySettings.load()
    GatherSettings.load()
    features = [*enabled(), *(door.feature for door in doors())]
    try:
        chosen(tuple(sources()), StoreSettings.load().store)
    except ModelStoreError as error:
        raise SettingsError(str(error)) from None
    refuse_misspellings([*Settings.variables(), *OTHER_VARIABLES])
    return features


def ports_over(
    language: ModelCalls, sentiment: ModelCalls, meter: Meter, features: Sequence[Feature]
) -> Ports:
    settings = GatherSettings.load()
    around = around_calls(features)
    return Ports(
        language=GatheringDetector(language, settings, meter, around),
        sentiment=GatheringSentiment(sentiment, settings, meter, around),
        meter=meter,
    )


def local_models(meter: Meter | None = None) -> tuple[ModelCalls, ModelCalls]:
    """The language and the sentiment model, loaded into this process."""
    from acme_service.deployments.language import LanguageDeployment
    from acme_service.deployments.sentiment import SentimentDeployment

    timeout_s = GatherSettings.load().timeout_s
    counts = None if meter is None else lambda: meter
    return (
        LocalCalls("language", LanguageDeployment(tuple(sources()), counts), timeout_s),
        LocalCalls("sentiment", SentimentDeployment(), timeout_s),
    )


def assemble(ports: Ports, features: Sequence[Feature]) -> FastAPI:
    """The whole API around `ports`, with these features."""
    settings = ApiSettings.load()
    configure_logging(settings.log_level)
    return create_app(ports, features, settings)
