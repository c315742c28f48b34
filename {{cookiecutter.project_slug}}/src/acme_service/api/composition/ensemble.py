"""Several models, one answer: the language by vote, and the mood of what is English.

The three shapes of composition, each a few lines that know the ports alone:

pipeline: what one model says decides what the next is asked.
router: only what a model can read is sent to it; all else leaves early.
ensemble: several models are asked the same at the same time, and vote.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

from servekit.contracts import Meter, ModelError, Ports, Prediction, Predictor

from acme_service.contracts.language import UNDETERMINED, Detection, Query
from acme_service.contracts.opinion import OPINION, Opinion, Question
from acme_service.contracts.sentiment import SENTIMENT, Sentiment

READ_BY_SENTIMENT = "en"
"""The one language that the sentiment model reads."""

TIE_MARGIN = 0.02
"""A lead smaller than this is a tie."""

_DIGITS = 4

Answer = TypeVar("Answer")


class Vote(NamedTuple):
    """What one model says.

    language: UNDETERMINED abstains.
    """

    model: str
    language: str
    score: float


class Analysis(NamedTuple):
    """What came of it.

    version: of the own model.
    score: of the votes for the language, divided by the number of votes.
    sentiment: None for a text that is not English, and when `missing` says so.
    votes: the own model's first.
    missing: members that should have answered and did not.
    """

    version: str
    language: str
    score: float
    sentiment: Sentiment | None
    votes: Sequence[Vote]
    missing: Sequence[str]


class Missing:
    """Collects the members that did not answer, and counts them."""

    def __init__(self, meter: Meter) -> None:
        self.members: list[str] = []
        self._meter = meter

    async def unless_missing(
        self, member: str, ask: Callable[[], Awaitable[Answer]]
    ) -> Answer | None:
        """The answer, or None from a member that cannot give one."""
        try:
            return await ask()
        except ModelError:
            self._meter.count("analysis_missing_total", member=member)
            self.members.append(member)
            return None


async def analyze(ports: Ports, detector: Predictor[Query, Detection], query: Query) -> Analysis:
    """Raises ModelError when the detector cannot answer; all others can be missing."""
    missing = Missing(ports.meter)
    own, opinion = await _ensemble(ports, detector, query, missing)
    votes = [Vote(own.version, own.value.language, own.value.score)]
    if opinion:
        votes.append(Vote(opinion.value.model, opinion.value.language, opinion.value.score))
    language, score = elect(votes, query)
    mood = None
    if language == READ_BY_SENTIMENT:
        reader: Predictor[str, Sentiment] = ports.models[SENTIMENT.name]
        mood = await missing.unless_missing("sentiment", lambda: reader.predict(query.text))
    sentiment = mood.value if mood else None
    return Analysis(own.version, language, score, sentiment, votes, missing.members)


async def _ensemble(
    ports: Ports, detector: Predictor[Query, Detection], query: Query, missing: Missing
) -> tuple[Prediction[Detection], Prediction[Opinion] | None]:
    """Both detectors, asked at the same time."""
    question = Question(query.text, query.allowed)
    other: Predictor[Question, Opinion] = ports.models[OPINION.name]
    second = asyncio.create_task(missing.unless_missing("opinion", lambda: other.predict(question)))
    try:
        return await detector.predict(query), await second
    finally:
        # Nobody waits for it any longer where the own model failed, or the caller left.
        second.cancel()


def elect(votes: Sequence[Vote], query: Query) -> tuple[str, float]:
    """The language with the highest sum of scores, and that sum for each vote.

    A vote for a language that the query rules out counts only where all votes do that. A lead
    of less than TIE_MARGIN is a tie: the most preferred of the tied languages wins, or else
    that of the earliest vote.
    """
    cast = [vote for vote in votes if vote.language != UNDETERMINED]
    counted = [vote for vote in cast if vote.language in query.allowed] or cast
    if not counted:
        return UNDETERMINED, 0.0
    sums: defaultdict[str, float] = defaultdict(float)
    for vote in counted:
        sums[vote.language] += vote.score
    best = max(sums, key=lambda language: sums[language])
    # Rounded, or 0.30 - 0.28 were a little less than 0.02.
    leads = {language: round(sums[best] - sums[language], _DIGITS) for language in sums}
    tied = [one for one, lead in leads.items() if lead < TIE_MARGIN or one == best]
    winner = next((code for code in query.preferred if code in tied), tied[0])
    return winner, round(sums[winner] / len(counted), _DIGITS)
