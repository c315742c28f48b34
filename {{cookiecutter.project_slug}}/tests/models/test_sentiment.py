import pytest

from acme_service.models.sentiment import SentimentLexicon


@pytest.fixture(scope="module")
def lexicon() -> SentimentLexicon:
    return SentimentLexicon()


def test_moods_come_back_in_order(lexicon: SentimentLexicon):
    texts = ["What a wonderful day!", "The bus leaves at nine.", "I hate this awful weather."]
    labels = [sentiment.label for sentiment in lexicon.predict(texts)]
    assert labels == ["positive", "neutral", "negative"]


def test_scores_have_four_digits_and_the_sign_of_the_mood(lexicon: SentimentLexicon):
    [good, bad] = lexicon.predict(["a lovely, happy evening", "a sad and ugly evening"])
    assert -1 <= bad.score < 0 < good.score <= 1
    assert (good.score, bad.score) == (round(good.score, 4), round(bad.score, 4))


@pytest.mark.parametrize("text", ["", " ", "\0", "\ud800", "42", "naïve 日本語"])
def test_text_without_a_known_word_is_neutral(lexicon: SentimentLexicon, text: str):
    assert lexicon.predict([text]) == [("neutral", 0.0)]


def test_an_empty_batch_has_no_moods(lexicon: SentimentLexicon):
    assert lexicon.predict([]) == []


def test_an_emoji_reads_as_the_words_that_describe_it(lexicon: SentimentLexicon):
    [emoji, words] = lexicon.predict(["fine🙂", "fine slightly smiling face"])
    assert emoji == words


def test_a_long_text_is_judged_by_its_beginning(lexicon: SentimentLexicon):
    [plain, long] = lexicon.predict(["happy " * 200, "happy " * 200 + "awful " * 20_000])
    assert long == plain


def test_a_wall_of_emoji_takes_no_time(lexicon: SentimentLexicon):
    # VADER alone would need minutes.
    assert lexicon.predict(["😊" * 30_000])[0].label == "positive"
