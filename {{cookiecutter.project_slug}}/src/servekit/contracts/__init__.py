"""What all layers share: contracts of models, predictions, errors, metrics.

Standard library only: every other layer imports this one, and it imports none of them.
"""

from .canonical import NoKeyError, key_of
from .contract import INGRESS, Contract
from .errors import (
    ModelError,
    ModelOverloadedError,
    ModelReplacedError,
    ModelTimeoutError,
    ModelUnavailableError,
    TooManyRequestsError,
    TooManyStreamsError,
)
from .finite import not_finite
from .groups import predict_in_groups
from .ports import AroundCall, Meter, NullMeter, Ports
from .predictor import (
    CHALLENGER,
    CHAMPION,
    ModelCard,
    Prediction,
    Predictor,
    WrappedPredictor,
    is_reference,
)

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
    "TooManyRequestsError",
    "TooManyStreamsError",
    "WrappedPredictor",
    "is_reference",
    "key_of",
    "not_finite",
    "predict_in_groups",
]
