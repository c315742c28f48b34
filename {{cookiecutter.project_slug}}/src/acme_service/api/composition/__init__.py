"""Several models behind one route: a second detector that votes, and the mood of English texts."""

from servekit.api import Feature

from .routes import router
from .settings import CompositionSettings


def composition() -> Feature:
    """`POST /v1/analyze`, behind the guards."""
    CompositionSettings.load()
    return Feature(name="composition", model_routers=[router])
