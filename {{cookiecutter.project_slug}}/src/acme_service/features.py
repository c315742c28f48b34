"""What this service runs with. Delete a block and its folder, and the feature is gone."""

from collections.abc import Iterator

from fastapi import APIRouter

from servekit.api import Feature
from servekit.ingress.transports import Transport
from servekit.registry.sources.source import SourceKind
from servekit.serving.model import Model


def routers() -> Iterator[APIRouter]:
    """Every router, in the order in which its routes are tried."""
    # {% if cookiecutter.sample == "language" %}

    from acme_service.api import v1

    yield from v1.routers
    # {% endif %}

    # Routers of your own.
    yield from ()


def features() -> Iterator[Feature]:
    """Every feature, outermost first. Settings are read now, so a bad one stops the start."""
    from servekit.features.request_log import request_log

    yield request_log()
    # {% if cookiecutter.metrics %}

    from servekit.features.metrics import metrics

    yield metrics()
    # {% endif %}
    # {% if cookiecutter.tracing %}

    from servekit.features.tracing import tracing

    yield tracing()
    # {% endif %}
    # {% if cookiecutter.open_inference %}

    from servekit.features.open_inference import open_inference

    # Outside what refuses, so that each refusal has the reason where its clients look for it.
    yield open_inference()
    # {% endif %}
    # {% if cookiecutter.auth %}

    from servekit.features.auth import auth

    from acme_service import SLUG

    yield auth(service=SLUG)
    # {% endif %}
    # {% if cookiecutter.rate_limit %}

    from servekit.features.rate_limit import rate_limit

    from acme_service import SLUG

    yield rate_limit(service=SLUG)
    # {% endif %}
    # {% if cookiecutter.feedback %}

    from servekit.features.feedback import feedback

    from acme_service import SLUG

    yield feedback(service=SLUG)
    # {% endif %}
    # {% if cookiecutter.cache %}

    from servekit.features.cache import cache

    from acme_service import SLUG

    yield cache(service=SLUG)
    # {% endif %}
    # {% if cookiecutter.websockets %}

    from servekit.features.websockets import websockets

    yield websockets()
    # {% endif %}
    # {% if cookiecutter.composition %}

    from acme_service.api.composition import composition

    yield composition()
    # {% endif %}

    # Features of your own, innermost.
    yield from ()


def sources() -> Iterator[SourceKind]:
    """Every kind of store that `MODEL_STORE` may name."""
    from servekit.registry.sources.folder import folder

    yield folder
    # {% if cookiecutter.mlflow %}

    from servekit.registry.sources.mlflow import mlflow

    yield mlflow
    # {% endif %}
    # {% if cookiecutter.huggingface %}

    from servekit.registry.sources.huggingface import huggingface

    yield huggingface
    # {% endif %}
    # {% if cookiecutter.cloud_storage %}

    from servekit.registry.sources.cloud_storage import cloud_storage

    yield cloud_storage
    # {% endif %}

    # Sources of your own.
    yield from ()


def models() -> Iterator[Model]:
    """Every model that the API may ask."""
    # {% if cookiecutter.sample == "language" %}

    from acme_service.contracts.language import LANGUAGE

    yield Model(
        LANGUAGE,
        "acme_service.models.language:LanguageModel",
        training="acme_service.models.training:train",
    )
    # {% endif %}
    # {% if cookiecutter.composition %}

    from acme_service.api.composition.settings import CompositionSettings
    from acme_service.contracts.opinion import OPINION
    from acme_service.contracts.sentiment import SENTIMENT

    yield Model(
        OPINION,
        "acme_service.models.opinion:OpinionModel",
        versioned=False,
        timeout_s=lambda: CompositionSettings.load().opinion_timeout_s,
    )
    yield Model(
        SENTIMENT,
        "acme_service.models.sentiment:SentimentLexicon",
        versioned=False,
        timeout_s=lambda: CompositionSettings.load().sentiment_timeout_s,
    )
    # {% endif %}

    # Models of your own.
    yield from ()


def transports() -> Iterator[Transport]:
    """Every transport beside HTTP."""
    # {% if cookiecutter.grpc %}

    from servekit.ingress.grpc import grpc

    yield grpc()
    # {% endif %}

    # Transports of your own.
    yield from ()
