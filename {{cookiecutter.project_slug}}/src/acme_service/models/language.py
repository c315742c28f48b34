"""Which language is this text? Naive Bayes over the character n-grams of its words."""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from servekit.registry.version_files import ModelFiles

from acme_service.contracts.language import Detection, Query

from .artifact import Artifact, read_artifact
from .ngrams import Alphabet, buckets
from .ranking import Ranking

# Small enough for the processor's cache and for float32 to add up exactly (see
# training/weights.py), so a text scores the same alone, in any batch and word by word.
_LETTERS_A_BLOCK = 2048
_WORDS_A_BLOCK = 64

_FIRST = np.zeros(1, dtype=np.intp)


class LanguageModel:
    """Tells languages apart. Holds no state between calls: any number of threads may share it.

    languages: ISO 639-1 codes, sorted.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.languages = artifact.languages
        self._alphabet = Alphabet(artifact.alphabet)
        self._weights = artifact.weights.astype(np.float32)
        self._bucket_bits = len(self._weights).bit_length() - 1
        self._ranking = Ranking(artifact.languages)

    @classmethod
    def load(cls, files: ModelFiles) -> Self:
        """The model in these files.

        Raises ModelStoreError when they hold no sound language model.
        """
        return cls(read_artifact(files))

    @property
    def facts(self) -> dict[str, list[str]]:
        """What the card of this version says."""
        return {"languages": [*self.languages]}

    def predict(self, queries: Sequence[Query]) -> list[Detection]:
        """One detection a query, in order. A batch costs far less than its texts one by one."""
        if not queries:
            return []
        log_likelihoods, letter_counts = self._weigh([query.text for query in queries])
        return self._ranking.detections(log_likelihoods, letter_counts, queries)

    def stream(self, query: Query) -> Iterator[Detection]:
        """A detection for the first word, the first two words, and so on to the whole text.

        Words are what whitespace separates. A text without any gets one detection. The last
        one equals that of the whole text. Takes time linear in the length of the text.
        """
        words = query.text.split() or [""]
        log_likelihood, letter_count = np.zeros(len(self.languages)), 0
        for start in range(0, len(words), _WORDS_A_BLOCK):
            block = words[start : start + _WORDS_A_BLOCK]
            log_likelihoods, letter_counts = self._weigh(block)
            log_likelihoods = log_likelihood + log_likelihoods.cumsum(axis=0)
            letter_counts = letter_count + letter_counts.cumsum()
            log_likelihood, letter_count = log_likelihoods[-1].copy(), letter_counts[-1]
            yield from self._ranking.detections(
                log_likelihoods, letter_counts, [query] * len(block)
            )

    def _weigh(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """The log-likelihoods of the texts, (texts, languages), and their numbers of letters."""
        letters = self._alphabet.read(texts)
        owners = letters.owners
        log_likelihoods = np.zeros((len(texts), len(self.languages)))
        for start in range(0, owners.size, _LETTERS_A_BLOCK):
            block = slice(start, start + _LETTERS_A_BLOCK)
            unigrams, bigrams, trigrams = buckets(
                letters.this[block],
                letters.previous[block],
                letters.following[block],
                self._bucket_bits,
            )
            weights = self._weights.take(unigrams, axis=0)
            weights += self._weights.take(bigrams, axis=0)
            weights += self._weights.take(trigrams, axis=0)
            firsts = _first_of_each_run(owners[block])
            rows = owners[block].take(firsts)
            log_likelihoods[rows] += np.add.reduceat(weights, firsts, axis=0)
        return log_likelihoods, np.bincount(owners, minlength=len(texts))


def _first_of_each_run(values: NDArray[np.intp]) -> NDArray[np.intp]:
    changes = (values[1:] != values[:-1]).nonzero()[0]
    return np.concatenate((_FIRST, changes + 1))
