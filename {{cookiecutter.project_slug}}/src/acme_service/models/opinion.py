"""Which language is this text? What py3langid thinks: byte n-grams, learnt from other texts."""

from collections.abc import Sequence
from importlib.metadata import version

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from servekit.registry.golden import GoldenExample

from acme_service.contracts.opinion import Opinion, Question

MAX_CHARS = 1_000
"""A language shows in the first sentences; each character takes Python a good half microsecond."""

GUESSING = 0.05
"""With a score below this the model is guessing among its hundred and forty languages."""

_DIGITS = 4


class OpinionModel:
    """Tells some 140 languages apart. Any number of threads may share it."""

    golden = (
        GoldenExample({"text": "Das ist ein schöner Tag."}, {"language": "de"}),
        GoldenExample({"text": "The library opens at nine."}, {"language": "en"}),
    )

    def __init__(self) -> None:
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        self._languages = frozenset(self._identifier.labels)
        self.reference = f"py3langid:{version('py3langid')}"
        self._nothing = Opinion(model=self.reference)

    def predict(self, questions: Sequence[Question]) -> list[Opinion]:
        """One opinion a question, in order, judged by the first 1,000 characters."""
        return [self._judge(question) for question in questions]

    def _judge(self, question: Question) -> Opinion:
        text = question.text[:MAX_CHARS]
        if not any(map(str.isalpha, text)):
            return self._nothing
        ranked = self._identifier.rank(text)
        if ranked[0][1] < GUESSING:
            return self._nothing
        if allowed := self._languages.intersection(question.allowed):
            ranked = [one for one in ranked if one[0] in allowed]
        language, score = ranked[0]
        total = sum(score for _, score in ranked)
        # With everything likely ruled out, all that is left may be as good as nothing.
        share = score / total if total else 1 / len(ranked)
        return Opinion(language, round(share, _DIGITS), self.reference)
