"""Which labels a correction may have."""

import pytest
from pydantic import TypeAdapter, ValidationError

from acme_service.contracts.language import LANGUAGE


@pytest.mark.parametrize("label", ["und", "de", "gd", "no", "zu"])
def test_a_label_may_be_a_language_that_no_model_knows(label: str) -> None:
    assert TypeAdapter(LANGUAGE.label).validate_python(label) == label


@pytest.mark.parametrize("label", ["xx", "DE", "de-CH", "german", "", " fr", "d\0e", 7, None])
def test_a_label_that_is_no_language_is_refused(label: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(LANGUAGE.label).validate_python(label)
