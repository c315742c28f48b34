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

from servekit.contracts import Meter, ModelError, Predictor

from acme_service.ports import UNDETERMINED, Detection, Ports, Query
from acme_service.ports.opinion import Opinion, Question
from acme_service.ports.sentiment import Sentiment

READ_BY_SENTIMENT = "en"
"""The one language that the sentiment model reads."""

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

    detection: of the own model.
    score: of the votes for the language, divided by the number of votes.
    sentiment: None for a text that is not English, and when `missing` says so.
    votes: the own model's first.
    missing: members that should have answered and did not.
    """

    detection: Detection
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


async def analyze(ports: Ports, query: Query) -> Analysis:
    """Raises ModelError when the own model cannot answer; all others can be missing."""
    missing = Missing(ports.meter)
    detection, opinion = await _ensemble(ports, query, missing)
    votes = [Vote(detection.model, detection.language, detection.score)]
    if opinion:
        votes.append(Vote(opinion.model, opinion.language, opinion.score))
    language, score = elect(votes, query)
    sentiment = None
    if language == READ_BY_SENTIMENT:
        reader: Predictor[str, Sentiment] = ports.models["sentiment"]
        sentiment = await missing.unless_missing("sentiment", lambda: reader.predict(query.text))
    return Analysis(detection, language, score, sentiment, votes, missing.members)


async def _ensemble(
    ports: Ports, query: Query, missing: Missing
) -> tuple[Detection, Opinion | None]:
    """Both detectors, asked at the same time."""
    question = Question(query.text, query.allowed)
    other: Predictor[Question, Opinion] = ports.models["opinion"]
    second = asyncio.create_task(missing.unless_missing("opinion", lambda: other.predict(question)))
    try:
        return await ports.language.detect(query), await second
    finally:
        # Nobody waits for it any longer where the own model failed, or the caller left.
        second.cancel()


def elect(votes: Sequence[Vote], query: Query) -> tuple[str, float]:
    """The language with the highest sum of scores, and that sum for each vote.

    A vote for a language that the query rules out counts only where all votes do that. A lead
    of less than the tie margin is a tie: the most preferred of the tied languages wins, or else
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
    tied = [one for one, lead in leads.items() if lead < query.tie_margin or one == best]
    winner = next((code for code in query.preferred if code in tied), tied[0])
    return winner, round(sums[winner] / len(counted), _DIGITS)
