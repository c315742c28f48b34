import pytest

from acme_service.models.language import LanguageModel
from acme_service.models.training.held_out import MORE, TEN, accuracy


def test_the_test_set_covers_every_language(ten: LanguageModel, thirty_one: LanguageModel):
    assert sorted(TEN) == list(ten.languages)
    assert sorted(TEN | MORE) == list(thirty_one.languages)
    assert sum(map(len, TEN.values())) >= 60


def test_ten_languages_are_told_apart(ten: LanguageModel):
    assert accuracy(ten, TEN) >= 0.95


def test_thirty_one_languages_are_told_apart(thirty_one: LanguageModel):
    assert accuracy(thirty_one, TEN | MORE) >= 0.9


@pytest.mark.parametrize("language", sorted(TEN))
def test_more_languages_cost_the_first_ten_little(thirty_one: LanguageModel, language: str):
    assert accuracy(thirty_one, {language: TEN[language]}) >= 0.85
