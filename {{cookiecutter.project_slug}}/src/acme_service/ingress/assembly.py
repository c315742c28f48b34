"""Puts the service together from what was chosen. Nothing here needs Ray."""

from collections.abc import Sequence
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
from .features import doors, enabled, sources
from .local import LocalCalls
from .models import GatheringDetector
from .settings import GatherSettings
from .singles import GatheringOpinion, GatheringSentiment

OTHER_VARIABLES = [*VARIABLES]
"""Settings that are read outside the `Settings` classes."""


class Models(NamedTuple):
    """What answers the ports, wherever it runs: one field a model."""

    language: ModelCalls
    sentiment: ModelCalls
    opinion: ModelCalls


class Checked(NamedTuple):
    """What the environment says, read once, and the features that it enables."""

    api: ApiSettings
    canary: CanarySettings
    gather: GatherSettings
    features: Sequence[Feature]


def check_settings() -> Checked:
    """Read and check all settings, those of the enabled features included.

    Raises SettingsError when a setting is malformed or nearly spelt like one.
    """
    api, canary, gather = ApiSettings.load(), CanarySettings.load(), GatherSettings.load()
    features = [*enabled(), *(door.feature for door in doors())]
    try:
        chosen(tuple(sources()), StoreSettings.load().store)
    except ModelStoreError as error:
        raise SettingsError(str(error)) from None
    refuse_misspellings([*Settings.variables(), *OTHER_VARIABLES])
    return Checked(api, canary, gather, features)


def ports_over(
    models: Models, meter: Meter, features: Sequence[Feature], settings: GatherSettings
) -> Ports:
    of_opinion = settings.within(settings.opinion_timeout_s)
    of_sentiment = settings.within(settings.sentiment_timeout_s)
    around = around_calls(features)
    return Ports(
        language=GatheringDetector(models.language, settings, meter, around),
        sentiment=GatheringSentiment(models.sentiment, of_sentiment, meter, around),
        opinion=GatheringOpinion(models.opinion, of_opinion, meter, around),
        meter=meter,
    )


def local_models(settings: GatherSettings, meter: Meter | None = None) -> Models:
    """All models, loaded into this process."""
    from acme_service.deployments.language import LanguageDeployment
    from acme_service.deployments.opinion import OpinionDeployment
    from acme_service.deployments.sentiment import SentimentDeployment

    timeout_s = settings.timeout_s
    counts = None if meter is None else lambda: meter
    language = LanguageDeployment(tuple(sources()), counts)
    return Models(
        language=LocalCalls("language", language, timeout_s),
        sentiment=LocalCalls("sentiment", SentimentDeployment(), timeout_s),
        opinion=LocalCalls("opinion", OpinionDeployment(in_background=True), timeout_s),
    )


def assemble(ports: Ports, checked: Checked) -> FastAPI:
    """The whole API around `ports`, with the features and settings that were checked."""
    configure_logging(checked.api.log_level)
    return create_app(ports, checked.features, checked.api, checked.canary)
