"""The service that is tested, as the fixtures of the kit take it."""

from pathlib import Path

from servekit.testing.project import Project

from acme_service import SLUG
from acme_service.ingress import develop
from acme_service.ingress.features import features, models, sources

from .versions import STORE

PROJECT = Project(
    folder=Path(__file__).parents[1],
    package="acme_service",
    slug=SLUG,
    models=models,
    features=features,
    sources=sources,
    app=develop.app,
    launch=("-m", "acme_service.ingress.launch"),
    store=STORE,
)
