"""The sentiment model, as the API sees it."""

from typing import Literal, NamedTuple, Protocol


class Sentiment(NamedTuple):
    """The mood of a text.

    score: from -1 (as negative as can be) to 1 (as positive as can be).
    """

    label: Literal["positive", "neutral", "negative"]
    score: float


class SentimentModel(Protocol):
    """Tells the mood of English text.

    Every method raises ModelOverloadedError, ModelUnavailableError or ModelTimeoutError when
    the model cannot answer in time, and ModelError when it fails.
    """

    async def classify(self, text: str) -> Sentiment:
        """The mood of one English text."""
        ...

    async def check(self) -> None:
        """Return when the model can answer, or is merely busy; raise ModelError otherwise."""
        ...
