"""The second, independent detector."""

from typing import NamedTuple

from servekit.contracts import Contract

from .language import UNDETERMINED


class Question(NamedTuple):
    """A text, and the language codes to choose from.

    Codes that the model does not know are ignored; with none left there is no restriction.
    """

    text: str
    allowed: tuple[str, ...] = ()


class Opinion(NamedTuple):
    """The one language that a text is most likely written in.

    language: ISO 639-1 code, or UNDETERMINED.
    score: in [0, 1]. It ranks; it is not a calibrated probability.
    model: the name and the version of the model that says so.
    """

    language: str = UNDETERMINED
    score: float = 0.0
    model: str = ""


OPINION = Contract("opinion", input=Question, output=Opinion, required=False, cacheable=False)
