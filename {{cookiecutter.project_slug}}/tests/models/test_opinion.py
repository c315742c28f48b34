"""The second detector: other means, other languages, the same manners."""

import pytest

from acme_service.contracts.language import UNDETERMINED
from acme_service.contracts.opinion import Question
from acme_service.models.language import LanguageModel
from acme_service.models.opinion import MAX_CHARS, OpinionModel
from acme_service.models.training.held_out import MORE, TEN


@pytest.fixture(scope="module")
def model() -> OpinionModel:
    return OpinionModel()


def language(model: OpinionModel, text: str, *allowed: str) -> str:
    [opinion] = model.predict([Question(text, allowed)])
    return opinion.language


def test_it_tells_the_languages_of_the_project_apart(model: OpinionModel):
    sentences = [(code, text) for code, texts in (TEN | MORE).items() for text in texts]
    opinions = model.predict([Question(text) for _, text in sentences])
    right = [one.language == code for one, (code, _) in zip(opinions, sentences, strict=True)]
    assert sum(right) / len(right) >= 0.98


def test_it_knows_languages_that_the_own_model_does_not(
    model: OpinionModel, thirty_one: LanguageModel
):
    assert "is" not in thirty_one.languages
    assert language(model, "Ég er að læra íslensku í skólanum á hverjum degi.") == "is"


@pytest.mark.parametrize("text", ["", " ", "\0", "42", "😀 !?", "12 34", "\ud800"])
def test_text_without_letters_has_no_language(model: OpinionModel, text: str):
    assert model.predict([Question(text)]) == [(UNDETERMINED, 0.0, model.reference)]


def test_a_text_too_short_to_tell_is_undetermined(model: OpinionModel):
    assert language(model, "ok") == UNDETERMINED


def test_it_keeps_to_what_is_allowed_and_knows(model: OpinionModel):
    text = "Das ist ein schöner Tag."
    assert language(model, text, "fr", "nl") in {"fr", "nl"}
    assert language(model, text, "xx", "nl") == "nl"
    assert language(model, text, "xx") == "de"


def test_what_is_left_after_a_restriction_adds_up_to_one(model: OpinionModel):
    [opinion] = model.predict([Question("Das ist ein schöner Tag.", ("nl",))])
    assert opinion.score == 1.0


def test_a_long_text_is_judged_by_its_beginning(model: OpinionModel):
    german = "Das ist ein schöner Tag. " * (MAX_CHARS // 25)
    assert language(model, german + "This is English. " * 1000) == "de"
