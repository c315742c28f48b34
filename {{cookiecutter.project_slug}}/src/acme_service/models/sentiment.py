"""Is this English text happy or unhappy? The rules and word list of VADER."""

from collections.abc import Sequence

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from servekit.registry.golden import GoldenExample

from acme_service.contracts.sentiment import Sentiment

# VADER was made for posts and sentences: it takes time quadratic in the number of words, and
# it reads an emoji as several. 2,000 emoji in a row take it seconds.
MAX_WORDS = 200

_THRESHOLD = 0.05
"""Where VADER's authors draw the line between neutral and not."""


class SentimentLexicon:
    """Tells the mood of English texts. Any number of threads may share it."""

    golden = (
        GoldenExample("What a lovely day!", {"label": "positive"}),
        GoldenExample("This is a terrible mistake.", {"label": "negative"}),
    )

    def __init__(self) -> None:
        self._analyzer = SentimentIntensityAnalyzer()
        emojis: dict[str, str] = self._analyzer.emojis
        self._descriptions = str.maketrans(
            {emoji: f" {words} " for emoji, words in emojis.items() if len(emoji) == 1}
        )

    def predict(self, texts: Sequence[str]) -> list[Sentiment]:
        """One sentiment a text, in order, judged by its first 200 words.

        An emoji counts as the words that describe it.
        """
        return [self._classify(text) for text in texts]

    def _classify(self, text: str) -> Sentiment:
        words = text.translate(self._descriptions).split()[:MAX_WORDS]
        compound: float = self._analyzer.polarity_scores(" ".join(words))["compound"]
        score = round(compound, 4)
        if score >= _THRESHOLD:
            return Sentiment("positive", score)
        if score <= -_THRESHOLD:
            return Sentiment("negative", score)
        return Sentiment("neutral", score)
