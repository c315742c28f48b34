"""What the ports' values promise beyond their fields."""

import pickle

import pytest

from acme_service.ports import Candidate, Detection

CANDIDATES = (Candidate("de", 0.9), Candidate("nl", 0.1))


@pytest.mark.parametrize("candidates", [CANDIDATES, CANDIDATES[:1], ()])
def test_a_detection_survives_the_way_between_processes(candidates: tuple[Candidate, ...]) -> None:
    detection = pickle.loads(pickle.dumps(Detection(candidates)))
    assert detection == Detection(candidates)
    assert all(isinstance(one, Candidate) for one in detection.candidates)


def test_a_lead_is_the_distance_to_the_second() -> None:
    assert Detection(CANDIDATES).lead == pytest.approx(0.8)
    assert Detection(()).lead == 0
