"""The Serve application that `serve.yaml` names."""

# No `from __future__ import annotations` here: Serve reads the builder's annotation at run
# time, and a string would silently turn typed arguments into a plain dict.

from typing import Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle

from acme_service.deployments import serving

from .assembly import assemble, check_settings, local_models, ports_over
from .handles import HandleCalls
from .meters import RayMeter
from .settings import GatherSettings


class ServiceArgs(BaseModel):
    """What `args` in `serve.yaml` may hold. An unknown key is refused.

    placement: `separate` gives each model deployments of its own; `inline` holds the models
        in the ingress replicas.
    build: any text. Serve redeploys an application only when its configuration changes, so a
        new image under the same configuration needs a new text here.
    """

    model_config = ConfigDict(extra="forbid")

    placement: Literal["separate", "inline"] = "separate"
    build: str = ""


class Ingress:
    """Builds the API inside its own replica, so that nothing of it is ever pickled.

    Given no handles, it holds the models itself.
    """

    def __init__(
        self,
        language: DeploymentHandle[Any] | None = None,
        sentiment: DeploymentHandle[Any] | None = None,
    ) -> None:
        self._features = check_settings()
        meter = RayMeter()
        if language is None or sentiment is None:
            self._ports = ports_over(*local_models(), meter, self._features)
        else:
            timeout_s = GatherSettings.load().timeout_s
            self._ports = ports_over(
                HandleCalls("language", language, timeout_s),
                HandleCalls("sentiment", sentiment, timeout_s),
                meter,
                self._features,
            )

    def __serve_build_asgi_app__(self) -> FastAPI:
        return assemble(self._ports, self._features)


ingress = serve.deployment(name="ingress")(serve.ingress()(Ingress))


def app(args: ServiceArgs) -> Application:
    """The service in the placement that was asked for."""
    if args.placement == "inline":
        return ingress.bind()
    return ingress.bind(serving.language.bind(), serving.sentiment.bind())
