"""From log-likelihoods to detections."""

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from acme_service.contracts.language import (
    MAX_CANDIDATES,
    Candidate,
    Detection,
    Query,
)

from .ngrams import FEATURES_PER_LETTER

_DIGITS = 4

TIE_MARGIN = 0.02
"""A lead in score smaller than this is a tie."""


class Ranking:
    """Ranks languages, heeding what each query allows and prefers.

    languages: ISO 639-1 codes, one a column of the log-likelihoods.
    """

    def __init__(self, languages: Sequence[str]) -> None:
        self._languages = np.array(languages, dtype=object)
        self._columns = {code: column for column, code in enumerate(languages)}

    def detections(
        self,
        log_likelihoods: NDArray[np.float64],
        letter_counts: NDArray[np.intp],
        queries: Sequence[Query],
    ) -> list[Detection]:
        """One detection a query, in order.

        log_likelihoods: (queries, languages), each row up to a constant; overwritten.
        letter_counts: how many letters each text has.
        """
        sizes = [len(self._columns)] * len(queries)
        for row, query in enumerate(queries):
            if query.allowed:
                sizes[row] = self._restrict(log_likelihoods[row], query.allowed)
        order = (-log_likelihoods).argsort(axis=1, kind="stable")
        ordered = log_likelihoods[np.arange(len(queries))[:, None], order]
        # A preference may lift a language from any place; otherwise only the first are shown.
        width = None if any(query.preferred for query in queries) else MAX_CANDIDATES
        scores = _scores(ordered, letter_counts)[:, :width].round(_DIGITS).tolist()
        names = self._languages[order[:, :width]].tolist()
        return list(map(self._detection, names, scores, sizes, letter_counts.tolist(), queries))

    def _restrict(self, row: NDArray[np.float64], allowed: Collection[str]) -> int:
        """Rule out what is not allowed; return how many languages are left."""
        kept = {self._columns[code] for code in allowed if code in self._columns}
        if not kept:
            return row.size
        row[[column for column in range(row.size) if column not in kept]] = -math.inf
        return len(kept)

    def _detection(
        self,
        languages: list[str],
        scores: list[float],
        size: int,
        letter_count: int,
        query: Query,
    ) -> Detection:
        if not letter_count:
            return Detection()
        del languages[size:], scores[size:]
        if query.preferred:
            _put_preferred_first(languages, scores, query)
        best = zip(languages[:MAX_CANDIDATES], scores, strict=False)
        candidates: list[Candidate] = [
            {"language": language, "score": score} for language, score in best
        ]
        return Detection(languages[0], scores[0], candidates)


def _scores(ordered: NDArray[np.float64], letter_counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Scores of rows of log-likelihoods, best first; each row sums to 1."""
    features = np.maximum(letter_counts * FEATURES_PER_LETTER, 1)
    scores = ordered - ordered[:, :1]
    # Overlapping n-grams are far from independent. Taken at their word they push every score
    # to 0 or 1; divided by the root of their number they tell texts apart.
    scores /= np.sqrt(features)[:, None]
    np.exp(scores, out=scores)
    scores /= np.add.reduce(scores, axis=1, keepdims=True)
    return scores


def _put_preferred_first(languages: list[str], scores: list[float], query: Query) -> None:
    """Decide a tie: the most wanted language of those tied with the best one goes first.

    Every language keeps its own score, so the first may then have slightly less than the second.
    """
    # Rounded again, or 0.30 - 0.28 were a little less than 0.02.
    tied = [
        language
        for language, score in zip(languages, scores, strict=True)
        if round(scores[0] - score, _DIGITS) < TIE_MARGIN
    ]
    for code in query.preferred:
        if code in tied:
            place = languages.index(code)
            languages.insert(0, languages.pop(place))
            scores.insert(0, scores.pop(place))
            return
