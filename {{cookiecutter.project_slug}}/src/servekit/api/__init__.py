"""The HTTP API: FastAPI, and nothing of Ray."""

from .access import Group, Guarded, GuardedApi
from .app import create_app
from .feature import Feature
from .models import model_router
from .service import Service

__all__ = ["Feature", "Group", "Guarded", "GuardedApi", "Service", "create_app", "model_router"]
