"""The service, as Ray Serve runs it (`app`) and as one process runs it (`WIRING`)."""

from typing import Any

from servekit.api import Service
from servekit.ingress.service_args import ServiceArgs
from servekit.ingress.wiring import Wiring

from acme_service import DESCRIPTION, NAME, SLUG, VERSION, features

WIRING = Wiring(
    service=Service(
        name=NAME,
        slug=SLUG,
        package=__name__.partition(".")[0],
        version=VERSION,
        description=DESCRIPTION,
    ),
    routers=features.routers,
    models=features.models,
    features=features.features,
    sources=features.sources,
    transports=features.transports,
)


def app(args: ServiceArgs) -> Any:
    """The Serve application that `serve.yaml` names."""
    from servekit.ingress.application import application  # with Ray, which `make dev` needs not

    return application(f"{__name__}:WIRING", args)
