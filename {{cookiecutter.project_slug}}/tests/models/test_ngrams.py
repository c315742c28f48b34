import numpy as np

from acme_service.models.ngrams import SPACE, Alphabet, buckets

LATIN = Alphabet(
    np.array([[97, 122, 97], [98, 98, 98], [99, 99, 99], [66, 66, 98]], dtype=np.uint16)
)
"""Reads b, B and c as they are and every other small letter as an a."""


def grams(*texts: str) -> list[tuple[int, str, str, str]]:
    letters = LATIN.read(texts)
    return [
        (owner, chr(this), chr(before) + chr(this), chr(before) + chr(this) + chr(after))
        for this, before, after, owner in zip(*(each.tolist() for each in letters), strict=True)
    ]


def test_each_letter_gives_an_ngram_of_every_size():
    assert grams("bc") == [(0, "b", " b", " bc"), (0, "c", "bc", "bc ")]


def test_no_ngram_reaches_beyond_its_word():
    assert grams("b c") == grams("b!?c") == grams(" b\n\nc ")
    assert grams("b c") == [(0, "b", " b", " b "), (0, "c", " c", " c ")]


def test_no_ngram_reaches_beyond_its_text():
    assert grams("b", "", "?", "c") == [(0, "b", " b", " b "), (3, "c", " c", " c ")]


def test_the_alphabet_says_what_a_letter_reads_as():
    assert [gram[1] for gram in grams("zB")] == ["a", "b"]


def test_what_is_outside_the_alphabet_reads_as_space():
    assert (LATIN.fold("A1é\0\ud800\uffff\U0001f389\U0010ffff") == SPACE).all()


def test_an_ngram_has_the_same_bucket_everywhere():
    # Trained weights depend on these numbers: change them, and the artifact's FORMAT too.
    this, before, after = np.array([[98], [99], [97]], dtype=np.uint64)
    assert buckets(this, before, after, 13).tolist() == [[7201], [7814], [3742]]


def test_every_bucket_is_used_and_none_beyond():
    this = np.repeat(np.arange(97, 123, dtype=np.uint64), 26)
    before = np.tile(np.arange(97, 123, dtype=np.uint64), 26)
    found = buckets(this, before, before, 4)
    assert set(found[2].tolist()) == set(range(16))
