"""What the ports' values promise beyond their fields."""

import pytest

from acme_service.ports import Candidate, Detection

BEST_TWO = Detection(("de", "nl"), (0.9, 0.1))


def test_candidates_pair_languages_with_scores() -> None:
    assert BEST_TWO.candidates == [Candidate("de", 0.9), Candidate("nl", 0.1)]
    assert Detection().candidates == []


def test_a_lead_is_the_distance_to_the_second() -> None:
    assert BEST_TWO.lead == pytest.approx(0.8)
    assert Detection().lead == 0
