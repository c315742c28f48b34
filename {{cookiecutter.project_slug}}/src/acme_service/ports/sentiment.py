"""The sentiment model, as the API sees it."""

from typing import Literal, NamedTuple


class Sentiment(NamedTuple):
    """The mood of a text.

    score: from -1 (as negative as can be) to 1 (as positive as can be).
    """

    label: Literal["positive", "neutral", "negative"]
    score: float
