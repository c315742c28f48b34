"""The Serve application that `serve.yaml` names."""

# No `from __future__ import annotations` here: Serve reads the builder's annotation at run
# time, and a string would silently turn typed arguments into a plain dict.

import logging
import re
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle

from servekit.contracts import INGRESS, ModelTimeoutError
from servekit.ingress.meter import RayMeter
from servekit.ingress.transports import with_transport_methods
from servekit.serving.in_process import InProcessTransport
from servekit.serving.model import by_name
from servekit.serving.ray import RayTransport

from .assembly import assemble, check_settings, local_calls, ports_over
from .features import models, sources, transports

log = logging.getLogger(__name__)


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


@with_transport_methods(transports())
class Ingress:
    """Builds the API inside its own replica, so that nothing of it is ever pickled.

    Given no handles, it holds the models itself.
    """

    def __init__(self, handles: Mapping[str, DeploymentHandle[Any]] | None = None) -> None:
        self._checked = check_settings()
        batcher = self._checked.batcher
        meter = RayMeter()
        if handles is None:
            calls = local_calls(batcher, meter)
        else:
            calls = {
                name: RayTransport(name, one, batcher.timeout_s) for name, one in handles.items()
            }
        self._calls = calls
        self._ports = ports_over(calls, meter, self._checked.features, batcher)

    async def reconfigure(self, user_config: Any) -> None:
        """The `user_config` of a model in this replica; of other replicas it is their own.

        It is for the model that its reference names, and for all of them where it names none.
        """
        reference = user_config.get("reference", "") if isinstance(user_config, Mapping) else ""
        name = re.split("[:@]", str(reference))[0]
        held = {
            one.name: self._calls[one.name]
            for one in models()
            if one.versioned and isinstance(self._calls[one.name], InProcessTransport)
        }
        chosen = [name] if name else [*held]
        if not chosen or not held.keys() >= {*chosen}:
            log.error("A user_config is for the deployment that holds its model.")
            return
        for one in chosen:
            try:
                await held[one].call("reconfigure", user_config)
            except ModelTimeoutError:
                # A failure would end this replica. The model goes on, and says how it ended.
                log.warning("The user_config takes a while.")

    def __serve_build_asgi_app__(self) -> FastAPI:
        self.api = assemble(self._ports, self._checked)
        return self.api


ingress = serve.deployment(name=INGRESS)(serve.ingress()(Ingress))


def app(args: ServiceArgs) -> Application:
    """The service in the placement that was asked for."""
    named, kinds = by_name(models()), tuple(sources())
    if args.placement == "inline":
        return ingress.bind()
    # What they are given is pickled by name, functions and classes of modules; so are their own
    # classes, since they are wrapped here: one that is decorated where it is defined is pickled by
    # value, with every global of its module that it touches.
    return ingress.bind(
        {
            name: serve.deployment(name=name)(one.kind).bind(*one.arguments(kinds, RayMeter))
            for name, one in named.items()
        }
    )
