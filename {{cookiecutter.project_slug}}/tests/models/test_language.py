import unicodedata

import pytest

from acme_service.contracts.language import (
    MAX_CANDIDATES,
    UNDETERMINED,
    Query,
)
from acme_service.models.language import LanguageModel
from acme_service.models.ranking import TIE_MARGIN
from acme_service.models.training.held_out import MORE, TEN

GERMAN, GREEK = TEN["de"][0], MORE["el"][0]
EVERYTHING = [text for texts in (TEN | MORE).values() for text in texts]
NOTHING = ["", " \t\n", "12:30, 50%!", "🎉🎉", "\0", "\ud800", "\u0301", "ª²", "\u3000"]
HOSTILE = [
    *NOTHING,
    "\0nul\0 \0bytes",
    "half \ud83d of \udc00 an emoji",
    "a" + "\u0301\u0327" * 5_000,
    "wort" * 25_000,
    "日本語" * 3_000,
    "𝓯𝓪𝓷𝓬𝔂 \U0010ffff letters",
    "İSTANBUL ẞ ǅ ﬁn Σς",
    "one\u2028two\x85three\x1cfour",
]


def test_a_sentence_is_told_with_confidence(ten: LanguageModel):
    [detection] = ten.predict([Query("Das ist ein schöner Tag")])
    assert detection.language == "de"
    assert detection.score > 0.9


def test_scores_have_four_digits_go_down_and_sum_to_one(ten: LanguageModel):
    for detection in ten.predict([Query(text) for text in EVERYTHING]):
        scores = [candidate["score"] for candidate in detection.candidates]
        assert scores == sorted(scores, reverse=True)
        assert scores == [round(score, 4) for score in scores]
        assert all(type(score) is float for score in scores)
        assert not scores or 0 < sum(scores) < 1.001


def test_an_answer_carries_at_most_so_many_candidates(thirty_one: LanguageModel):
    [plain, preferring] = thirty_one.predict([Query(GERMAN), Query(GERMAN, (), ("fr",))])
    assert len(plain.candidates) == len(preferring.candidates) == MAX_CANDIDATES


@pytest.mark.parametrize("text", NOTHING)
def test_text_without_letters_has_no_candidates(ten: LanguageModel, text: str):
    [detection] = ten.predict([Query(text)])
    assert detection.candidates == []
    assert detection.language == UNDETERMINED


def test_letters_the_model_never_saw_are_none(ten: LanguageModel, thirty_one: LanguageModel):
    greek, tamil = Query(GREEK), Query("வணக்கம், எப்படி இருக்கிறீர்கள்?")
    assert [found.language for found in ten.predict([greek, tamil])] == ["und", "und"]
    assert [found.language for found in thirty_one.predict([greek, tamil])] == ["el", "und"]


@pytest.mark.parametrize("text", [GERMAN, TEN["tr"][2], TEN["ru"][0], GREEK])
def test_capitals_change_little(thirty_one: LanguageModel, text: str):
    [small, capital] = thirty_one.predict([Query(text), Query(text.upper())])
    assert small.language == capital.language


@pytest.mark.parametrize("text", [*TEN["fr"], *TEN["ru"], *MORE["vi"], *MORE["cs"]])
def test_marks_apart_from_their_letters_change_nothing(thirty_one: LanguageModel, text: str):
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    [one, other] = thirty_one.predict([Query(composed), Query(decomposed)])
    assert one == other


def test_a_batch_answers_as_its_texts_one_by_one(thirty_one: LanguageModel):
    queries = [
        query
        for text in EVERYTHING + HOSTILE
        for query in (Query(text), Query(text, ("de", "en", "xx"), ("en",)))
    ]
    one_by_one = [thirty_one.predict([query])[0] for query in queries]
    assert thirty_one.predict(queries) == one_by_one


def test_an_empty_batch_has_no_answers(ten: LanguageModel):
    assert ten.predict([]) == []


def test_only_allowed_languages_are_candidates(thirty_one: LanguageModel):
    [detection] = thirty_one.predict([Query(GERMAN, allowed=("nl", "en", "xx", "nl"))])
    assert {candidate["language"] for candidate in detection.candidates} == {"nl", "en"}
    assert sum(candidate["score"] for candidate in detection.candidates) == pytest.approx(
        1, abs=1e-3
    )


def test_a_single_allowed_language_is_certain(ten: LanguageModel):
    [detection] = ten.predict([Query(GERMAN, allowed=("ru",))])
    assert detection.candidates == [{"language": "ru", "score": 1.0}]


def test_allowing_no_known_language_restricts_nothing(ten: LanguageModel):
    [free, unknown] = ten.predict([Query(GERMAN), Query(GERMAN, allowed=("xx", "", "DE"))])
    assert unknown == free


def test_what_one_query_allows_does_not_concern_the_next(ten: LanguageModel):
    [_, free] = ten.predict([Query(GERMAN, allowed=("ru",)), Query(GERMAN)])
    assert free.language == "de"


def test_a_tie_goes_to_the_first_preferred_language(ten: LanguageModel):
    [plain] = ten.predict([Query("radio")])
    best, second, third = plain.candidates
    assert best["score"] - second["score"] < TIE_MARGIN <= best["score"] - third["score"]
    preferred = ("xx", third["language"], second["language"])
    [tie] = ten.predict([Query("radio", preferred=preferred)])
    assert tie.candidates == [second, best, third]


@pytest.mark.parametrize("preferred", ["en", "xx"])
def test_a_preference_without_a_tie_changes_nothing(ten: LanguageModel, preferred: str):
    plain, preferring = ten.predict([Query(GERMAN), Query(GERMAN, preferred=(preferred,))])
    assert plain == preferring


def test_what_is_not_allowed_wins_no_tie(ten: LanguageModel):
    query = Query("radio", allowed=("en", "es"), preferred=("it", "es"))
    assert ten.predict([query])[0].language == "es"


def test_guesses_sharpen_word_by_word(ten: LanguageModel):
    languages = [guess.language for guess in ten.stream(Query("Das ist ein schöner Tag"))]
    assert len(languages) == 5
    assert languages[-1] == "de"


def test_every_guess_is_the_detection_of_the_words_so_far(thirty_one: LanguageModel):
    for text in EVERYTHING:
        words = text.split()
        beginnings = [Query(" ".join(words[: end + 1])) for end in range(len(words))]
        assert list(thirty_one.stream(Query(text))) == thirty_one.predict(beginnings)


@pytest.mark.parametrize("text", [*HOSTILE, " ".join(EVERYTHING * 3), "1 und 2"])
@pytest.mark.parametrize("allowed", [(), ("de", "en")])
def test_the_last_guess_is_the_detection_of_the_whole_text(
    thirty_one: LanguageModel, text: str, allowed: tuple[str, ...]
):
    query = Query(text, allowed, ("en",))
    guesses = list(thirty_one.stream(query))
    assert len(guesses) == max(len(text.split()), 1)
    assert guesses[-1:] == thirty_one.predict([query])


def test_the_facts_name_the_languages(ten: LanguageModel):
    assert ten.facts == {"languages": [*TEN]}
