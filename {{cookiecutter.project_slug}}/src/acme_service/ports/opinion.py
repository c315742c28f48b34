"""The second, independent detector, as the API sees it."""

from typing import NamedTuple, Protocol

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


class SecondOpinion(Protocol):
    """Tells languages apart by other means than the LanguageDetector, and knows others.

    Every method raises ModelOverloadedError, ModelUnavailableError or ModelTimeoutError when
    the model cannot answer in time, and ModelError when it fails.
    """

    async def judge(self, question: Question) -> Opinion:
        """One opinion on one text."""
        ...

    async def check(self) -> None:
        """Return when the model can answer, or is merely busy; raise ModelError otherwise."""
        ...
