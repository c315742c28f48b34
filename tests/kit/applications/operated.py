"""A service with one model, which operators redeploy, scale and lose processes of."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from fastapi import APIRouter
from ray.serve import Application

from servekit.api import model_router
from servekit.ingress.application import application
from servekit.ingress.service_args import ServiceArgs
from servekit.serving.model import Model
from servekit.testing.cluster import Cluster

from acme_service import app as service
from acme_service.contracts.language import LANGUAGE
from acme_service.features import models

NAME = "operated"
REPLICAS = 2


def one_model() -> Iterator[Model]:
    yield from (one for one in models() if one.name == LANGUAGE.name)


def one_router() -> Iterator[APIRouter]:
    yield model_router(LANGUAGE, "/v1/detect")


WIRING = replace(service.WIRING, models=one_model, routers=one_router, transports=tuple)


def app(args: ServiceArgs) -> Application:
    return application(f"{__name__}:WIRING", args)


def applications(cluster: Cluster) -> Iterator[dict[str, Any]]:
    names = {"ingress", LANGUAGE.name}
    # What is asked under load is the model, by one caller.
    limits = {"RATE_LIMIT_MODELS": "none"} if find_spec("servekit.features.rate_limit") else {}
    yield cluster.service | {
        "name": NAME,
        "route_prefix": f"/{NAME}",
        "import_path": f"{__name__}:app",
        "deployments": [
            one | {"num_replicas": REPLICAS}
            for one in cluster.service["deployments"]
            if one["name"] in names
        ],
        "runtime_env": {"env_vars": limits},
    }
