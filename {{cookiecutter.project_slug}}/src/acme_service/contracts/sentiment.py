"""The mood of a text."""

from typing import Literal, NamedTuple

from servekit.contracts import Contract


class Sentiment(NamedTuple):
    """The mood of a text.

    score: from -1 (as negative as can be) to 1 (as positive as can be).
    """

    label: Literal["positive", "neutral", "negative"]
    score: float


SENTIMENT = Contract("sentiment", input=str, output=Sentiment, required=False, cacheable=False)
"""Of English texts."""
