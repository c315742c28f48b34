"""What the ports' values promise beyond their fields."""

import pytest
from pydantic import TypeAdapter, ValidationError

from acme_service.contracts.language import LANGUAGE, Candidate, Detection

BEST_TWO = Detection(("de", "nl"), (0.9, 0.1))


def test_candidates_pair_languages_with_scores() -> None:
    assert BEST_TWO.candidates == [Candidate("de", 0.9), Candidate("nl", 0.1)]
    assert Detection().candidates == []


@pytest.mark.parametrize("label", ["und", "de", "gd", "no", "zu"])
def test_a_label_may_be_a_language_that_no_model_knows(label: str) -> None:
    assert TypeAdapter(LANGUAGE.label).validate_python(label) == label


@pytest.mark.parametrize("label", ["xx", "DE", "de-CH", "german", "", " fr", "d\0e", 7, None])
def test_a_label_that_is_no_language_is_refused(label: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(LANGUAGE.label).validate_python(label)
