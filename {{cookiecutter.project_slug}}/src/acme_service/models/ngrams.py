"""From text to the n-grams that the language model knows.

Every letter gives three features: itself, itself after its left neighbour, and itself
between both neighbours. Neighbours beyond the end of a word are spaces, so the features of
a word depend on nothing outside it.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FEATURES_PER_LETTER = 3

SPACE = np.uint64(0x20)
"""What every code point reads as that is no letter of the alphabet."""

# Any odd numbers with well mixed bits do: this is multiply-shift hashing. Python's own hash()
# is salted, so it would place the n-grams anew in every process.
_THIS = np.uint64(0x9C6B3F0D75E1A84B)
_PREVIOUS = np.uint64(0xD1A5E87B4C3F2961)
_FOLLOWING = np.uint64(0xB76E1D93A28C5F0D)

# Normalising a whole text would do the same, but takes time quadratic in a run of marks.
_MARKED_CHARACTER = re.compile("(?s:.)[\u0300-\u036f]{1,3}")

_CODE_POINTS = 0x10000


class Letters(NamedTuple):
    """The letters of several texts, one after another, each between its neighbours.

    this, previous, following: code points of the alphabet; a neighbour may be SPACE.
    owners: for each letter the index of its text, ascending.
    """

    this: NDArray[np.uint64]
    previous: NDArray[np.uint64]
    following: NDArray[np.uint64]
    owners: NDArray[np.intp]


class Alphabet:
    """The letters a model was trained on, and what else reads as one of them.

    ranges: (n, 3) code points: first and last of a range, and the letter it reads as. A later
        range overrides an earlier one. Whatever is in none of them is no letter.
    """

    def __init__(self, ranges: NDArray[np.uint16]) -> None:
        # One entry more than there are code points: everything beyond is clipped to it.
        self._letters = np.full(_CODE_POINTS + 1, SPACE, dtype=np.uint64)
        for first, last, letter in ranges.tolist():
            self._letters[first : last + 1] = letter

    def fold(self, text: str) -> NDArray[np.uint64]:
        """What each character of the text reads as: a letter of the alphabet, or SPACE."""
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        return self._letters.take(points, mode="clip")

    def read(self, texts: Sequence[str]) -> Letters:
        """The letters of the texts."""
        texts = [text if text.isascii() else _with_marks_composed(text) for text in texts]
        folded = self.fold("\n" + "\n".join(texts) + "\n")
        places = (folded != SPACE).nonzero()[0]
        owners = np.arange(len(texts)).repeat([len(text) + 1 for text in texts])
        before = places - 1
        return Letters(
            this=folded.take(places),
            previous=folded.take(before),
            following=folded.take(places + 1),
            owners=owners.take(before),
        )


def buckets(
    this: NDArray[np.uint64],
    previous: NDArray[np.uint64],
    following: NDArray[np.uint64],
    bucket_bits: int,
) -> NDArray[np.int64]:
    """The buckets, below 2**bucket_bits, of each letter's 1-, 2- and 3-gram: (3, letters)."""
    unigrams = this * _THIS
    bigrams = unigrams + previous * _PREVIOUS
    trigrams = bigrams + following * _FOLLOWING
    hashes = np.array((unigrams, bigrams, trigrams))
    hashes >>= np.uint64(64 - bucket_bits)
    # Viewed, not converted: numbers this small look the same in both types.
    return hashes.view(np.int64)


def _with_marks_composed(text: str) -> str:
    return _MARKED_CHARACTER.sub(lambda match: unicodedata.normalize("NFC", match[0]), text)
