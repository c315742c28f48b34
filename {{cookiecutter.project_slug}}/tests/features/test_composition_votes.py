"""Two detectors who vote are better than the own one alone, on sentences that neither has seen."""

from collections.abc import Iterator

import pytest

from servekit.registry.store import open_model
from servekit.testing.store import STORE

from acme_service.api.composition.ensemble import Vote, elect
from acme_service.contracts.language import Query
from acme_service.contracts.opinion import Question
from acme_service.models.language import LanguageModel
from acme_service.models.opinion import OpinionModel
from acme_service.models.training.held_out import MORE, TEN

WHOLE = 100
WORDS = [1, 2, 3, WHOLE]


@pytest.fixture(scope="module")
def second() -> OpinionModel:
    return OpinionModel()


def beginnings(words: int) -> Iterator[tuple[str, str]]:
    """A language, and so many words of a sentence in it; of those without spaces, three letters
    for each."""
    for language, sentences in (TEN | MORE).items():
        for sentence in sentences:
            split = sentence.split()
            spaced = len(split) > 2
            yield language, " ".join(split[:words]) if spaced else sentence[: 3 * words]


def shares(own: LanguageModel, second: OpinionModel, words: int) -> dict[str, float]:
    """Of the beginnings, how many each of them finds the language of."""
    right = {"own": 0, "second": 0, "vote": 0}
    asked = list(beginnings(words))
    for language, text in asked:
        [first] = own.predict([Query(text)])
        [other] = second.predict([Question(text)])
        votes = [
            Vote("language", first.language, first.score),
            Vote(other.model, other.language, other.score),
        ]
        voted, _ = elect(votes, Query(text))
        right["own"] += first.language == language
        right["second"] += other.language == language
        right["vote"] += voted == language
    return {who: round(count / len(asked), 3) for who, count in right.items()}


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("version", ["1", "2"])
def test_the_vote_is_right_at_least_as_often_as_the_own_model(
    second: OpinionModel, version: str, words: int
) -> None:
    own = LanguageModel.load(open_model(STORE.as_uri(), f"language:{version}"))
    found = shares(own, second, words)
    assert found["vote"] >= found["own"], found
    if words == 1:
        assert found["vote"] > found["second"], found
