"""The rendered service with a slower model in the place of the sample, for `serve.yaml`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from my_service import app as project
from servekit.ingress.application import application
from servekit.ingress.service_args import ServiceArgs
from servekit.serving.model import Model

from benchmarks.contenders.model import DelayedModel


def models() -> Iterator[Model]:
    for one in project.WIRING.models():
        yield replace(one, path=f"{DelayedModel.__module__}:{DelayedModel.__name__}")


WIRING = replace(project.WIRING, models=models)


def app(args: ServiceArgs) -> Any:
    """The Serve application."""
    return application(f"{__name__}:WIRING", args)
