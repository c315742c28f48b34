"""What the ports' values promise beyond their fields."""

from acme_service.contracts.language import Candidate, Detection

BEST_TWO = Detection(("de", "nl"), (0.9, 0.1))


def test_candidates_pair_languages_with_scores() -> None:
    assert BEST_TWO.candidates == [Candidate("de", 0.9), Candidate("nl", 0.1)]
    assert Detection().candidates == []
