"""The sentiment model as a service."""

from collections.abc import Sequence

from acme_service.models.sentiment import SentimentLexicon
from acme_service.ports.sentiment import Sentiment


class SentimentDeployment:
    """Holds the sentiment lexicon. What computes is `def`, so Serve runs it in a thread."""

    def __init__(self) -> None:
        self._model = SentimentLexicon()

    def predict_batch(self, texts: Sequence[str]) -> list[Sentiment]:
        return self._model.predict_batch(texts)

    async def ping(self) -> None:
        """Answers when the replica can."""
