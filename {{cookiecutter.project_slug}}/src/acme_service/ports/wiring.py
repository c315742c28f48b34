"""Everything the API is given."""

from dataclasses import dataclass

from .language import LanguageDetector
from .meter import Meter
from .opinion import SecondOpinion
from .sentiment import SentimentModel


@dataclass(frozen=True)
class Ports:
    """The models the API talks to, one field a port, and the meter it reports to."""

    language: LanguageDetector
    sentiment: SentimentModel
    opinion: SecondOpinion
    meter: Meter
