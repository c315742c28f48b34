"""What the API may ask of the models, what comes back, and what can go wrong.

Standard library only: every other room imports this one, and it imports none of them.
"""

from .errors import (
    ModelError,
    ModelOverloadedError,
    ModelReplacedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from .language import (
    CHALLENGER,
    CHAMPION,
    MAX_CANDIDATES,
    UNDETERMINED,
    Candidate,
    Detection,
    LanguageDetector,
    LanguageModelCard,
    Query,
)
from .meter import Meter
from .predictor import Predictor
from .wiring import Ports

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "MAX_CANDIDATES",
    "UNDETERMINED",
    "Candidate",
    "Detection",
    "LanguageDetector",
    "LanguageModelCard",
    "Meter",
    "ModelError",
    "ModelOverloadedError",
    "ModelReplacedError",
    "ModelTimeoutError",
    "ModelUnavailableError",
    "Ports",
    "Predictor",
    "Query",
]
