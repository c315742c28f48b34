"""Runs a service on Ray Serve."""

import logging
import re
from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any

from fastapi import FastAPI
from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle

from servekit.contracts import INGRESS, ModelTimeoutError
from servekit.serving.model import by_name
from servekit.serving.ray import RayTransport

from .meter import RayMeter
from .service_args import ServiceArgs
from .wiring import Wiring

log = logging.getLogger(__name__)


class Ingress:
    """Builds the API inside its own replica, so that nothing of it is ever pickled.

    Args:
        wiring: Where the wiring of the service is, "package.module:NAME".
        handles: To the deployment of each model; without them it holds the models itself.
    """

    def __init__(
        self, wiring: str, handles: Mapping[str, DeploymentHandle[Any]] | None = None
    ) -> None:
        self._wiring: Wiring = resolve_name(wiring)
        self._checked = self._wiring.check()
        batcher, meter = self._checked.batcher, RayMeter()
        self._held = self._wiring.held(batcher, meter) if handles is None else {}
        transports = self._held or {
            name: RayTransport(name, one, batcher.timeout_s)
            for name, one in (handles or {}).items()
        }
        self._ports = self._wiring.ports(transports, meter, self._checked.features, batcher)
        for transport in self._wiring.transports():
            transport.bind(self)

    async def reconfigure(self, user_config: Any) -> None:
        """The `user_config` of a model in this replica; of other replicas it is their own.

        It is for the model that its reference names, and for all of them where it names none.
        """
        reference = user_config.get("reference", "") if isinstance(user_config, Mapping) else ""
        name = re.split("[:@]", str(reference))[0]
        versioned = {
            one.name: self._held[one.name]
            for one in self._wiring.models()
            if one.versioned and one.name in self._held
        }
        chosen = [name] if name else [*versioned]
        if not chosen or not versioned.keys() >= {*chosen}:
            log.error("A user_config is for the deployment that holds its model.")
            return
        for one in chosen:
            try:
                await versioned[one].call("reconfigure", user_config)
            except ModelTimeoutError:
                # A failure would end this replica. The model goes on, and says how it ended.
                log.warning("The user_config takes a while.")

    def __serve_build_asgi_app__(self) -> FastAPI:
        self.api = self._wiring.api(self._ports, self._checked)
        return self.api


ingress = serve.deployment(name=INGRESS)(serve.ingress()(Ingress))


def application(wiring: str, args: ServiceArgs) -> Application:
    """The service in the placement that was asked for.

    Args:
        wiring: Where the wiring of the service is, "package.module:NAME".
        args: Of the application in `serve.yaml`.
    """
    service: Wiring = resolve_name(wiring)
    models, sources = by_name(service.models()), tuple(service.sources())
    if args.placement == "inline":
        return ingress.bind(wiring)
    # What they are given is pickled by name, functions and classes of modules; so are their own
    # classes, since they are wrapped here: one that is decorated where it is defined is pickled by
    # value, with every global of its module that it touches.
    return ingress.bind(
        wiring,
        {
            name: serve.deployment(name=name)(one.kind).bind(*one.arguments(sources, RayMeter))
            for name, one in models.items()
        },
    )
