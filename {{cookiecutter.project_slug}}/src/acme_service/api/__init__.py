"""The HTTP face of the service: FastAPI lives here.

It knows the ports and nothing behind them: no Ray, no models, no numbers.
"""

from .app import create_app
from .feature import Feature

__all__ = ["Feature", "create_app"]
