"""What the API may ask of the models, and what comes back.

Standard library and `servekit.contracts` only: every other layer imports this one.
"""

from .language import (
    MAX_CANDIDATES,
    UNDETERMINED,
    Candidate,
    Detection,
    LanguageDetector,
    LanguageModelCard,
    Query,
)
from .wiring import Ports

__all__ = [
    "MAX_CANDIDATES",
    "UNDETERMINED",
    "Candidate",
    "Detection",
    "LanguageDetector",
    "LanguageModelCard",
    "Ports",
    "Query",
]
