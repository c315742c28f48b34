"""The HTTP face of the service: FastAPI lives here.

It knows the ports and nothing behind them: no Ray, no models, no numbers.
"""

from .access import Guarded
from .app import create_app
from .feature import Feature

__all__ = ["Feature", "Guarded", "create_app"]
