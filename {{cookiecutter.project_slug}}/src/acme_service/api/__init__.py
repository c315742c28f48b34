"""The routes of this service, on the kit's API.

They know the ports and nothing behind them: no Ray, no models, no numbers.
"""

from .app import create_app

__all__ = ["create_app"]
