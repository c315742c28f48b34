"""What all layers share: contracts of models, predictions, errors, metrics.

Standard library only: every other layer imports this one, and it imports none of them.
"""

from .around_call import AroundCall
from .canonical import NoKeyError, key_of
from .contract import INGRESS, Contract
from .errors import (
    ModelError,
    ModelOverloadedError,
    ModelReplacedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from .meter import Meter, NullMeter
from .ports import Ports
from .prediction import ModelCard, Prediction
from .predictor import Predictor
from .roles import CHALLENGER, CHAMPION, is_reference
from .wrapped import WrappedPredictor

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "INGRESS",
    "AroundCall",
    "Contract",
    "Meter",
    "ModelCard",
    "ModelError",
    "ModelOverloadedError",
    "ModelReplacedError",
    "ModelTimeoutError",
    "ModelUnavailableError",
    "NoKeyError",
    "NullMeter",
    "Ports",
    "Prediction",
    "Predictor",
    "WrappedPredictor",
    "is_reference",
    "key_of",
]
