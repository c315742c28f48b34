"""What all layers share: errors, metrics, and the names of a model's versions.

Standard library only: every other layer imports this one, and it imports none of them.
"""

from .around_call import AroundCall
from .errors import (
    ModelError,
    ModelOverloadedError,
    ModelReplacedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from .meter import Meter
from .ports import Ports
from .predictor import Predictor
from .roles import CHALLENGER, CHAMPION

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "AroundCall",
    "Meter",
    "ModelError",
    "ModelOverloadedError",
    "ModelReplacedError",
    "ModelTimeoutError",
    "ModelUnavailableError",
    "Ports",
    "Predictor",
]
