"""The service, as Ray Serve runs it (`app`) and as one process runs it (`WIRING`)."""

from typing import Any

from servekit.ingress.service_args import ServiceArgs
from servekit.ingress.wiring import Wiring

from acme_service.api import SERVICE, create_app
from acme_service.features import features, models, sources, transports

WIRING = Wiring(
    service=SERVICE,
    create_app=create_app,
    models=models,
    features=features,
    sources=sources,
    transports=transports,
)


def app(args: ServiceArgs) -> Any:
    """The Serve application that `serve.yaml` names."""
    from servekit.ingress.application import application  # with Ray, which `make dev` needs not

    return application(f"{__name__}:WIRING", args)
