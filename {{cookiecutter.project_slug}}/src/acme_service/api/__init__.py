"""The routes of this service, on the kit's API.

They know contracts and nothing behind them: no Ray, no models, no numbers.
"""

from collections.abc import Sequence
from typing import Any

from servekit import api
from servekit.api import Feature, GuardedApi, Service
from servekit.contracts import Ports

from acme_service import DESCRIPTION, NAME, SLUG, VERSION

from . import v1

SERVICE = Service(
    name=NAME,
    slug=SLUG,
    package=__name__.partition(".")[0],
    version=VERSION,
    description=DESCRIPTION,
    links={"detect": "/v1/detect"},
    tags={"language": "Which language a text is written in."},
)


def create_app(ports: Ports, features: Sequence[Feature] = (), **settings: Any) -> GuardedApi:
    """The API around the models, as the kit's `create_app` describes it."""
    return api.create_app(SERVICE, ports, v1.routers, features, **settings)
