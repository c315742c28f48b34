"""The API of this service."""

from collections.abc import Sequence

from servekit import api
from servekit.api import Feature, GuardedApi, Service
from servekit.api.canary import CanarySettings
from servekit.api.settings import ApiSettings
from servekit.contracts import Ports

from acme_service import DESCRIPTION, NAME, SLUG, VERSION

from . import v1
from .settings import DetectionSettings

SERVICE = Service(
    name=NAME,
    slug=SLUG,
    package=__name__.partition(".")[0],
    version=VERSION,
    description=DESCRIPTION,
    links={"detect": "/v1/detect"},
    tags={"v1": "Version 1: what the models answer."},
)


def create_app(
    ports: Ports,
    features: Sequence[Feature] = (),
    settings: ApiSettings | None = None,
    canary: CanarySettings | None = None,
    detection: DetectionSettings | None = None,
) -> GuardedApi:
    """Assemble the API around `ports`, as the kit's `create_app` describes it."""
    app = api.create_app(SERVICE, ports, v1.routers, features, settings=settings, canary=canary)
    app.state.detection_settings = detection or DetectionSettings.load()
    return app
