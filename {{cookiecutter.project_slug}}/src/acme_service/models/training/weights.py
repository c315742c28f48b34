"""From counts to weights: hashed naive Bayes."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from acme_service.models.artifact import Artifact
from acme_service.models.ngrams import SPACE, Alphabet, buckets

from .profiles import Profiles, alphabet_of

BUCKET_BITS = 13
"""8,192 buckets: v2 has 31,000 n-grams, and more buckets make it no better."""

SMOOTHING = 1e-5
"""Added to the probability of every bucket, so that none is impossible."""

STEPS_PER_UNIT = 128
"""Weights are multiples of 1/128 and below 16.

float16 holds these exactly, and float32 adds up 8,192 of them exactly, in whatever order. So
a text scores the same in every batch and on every machine, and training gives the same bytes.
"""


MOST_OF_CORRECTIONS = 0.1
"""The share of a language that any number of corrections may have beside its profile."""

HALF_AT_TEXTS = 50
"""So many corrections have half of that share: each further one counts for less."""


def fit(profiles: Profiles, corrections: Mapping[str, Sequence[str]] | None = None) -> Artifact:
    """The model that best explains the profiles, and with them the texts of corrections.

    corrections: at least one text a language, by language.
    """
    languages = tuple(sorted(profiles.counts))
    ranges = alphabet_of(profiles)
    alphabet = Alphabet(ranges)
    probabilities = SMOOTHING + np.stack(
        [
            _blended(
                _probabilities(profiles.counts[language], alphabet),
                (corrections or {}).get(language, ()),
                alphabet,
            )
            for language in languages
        ],
        axis=1,
    )
    log_likelihoods = np.log(probabilities / probabilities.sum(axis=0))
    # Only differences between languages count. Around their mean, a bucket that no language
    # uses weighs nothing.
    log_likelihoods -= log_likelihoods.mean(axis=1, keepdims=True)
    # Adding zero makes -0.0 a 0.0: its sign would depend on the machine's last bit.
    weights = np.round(log_likelihoods * STEPS_PER_UNIT) / STEPS_PER_UNIT + 0.0
    return Artifact(languages, ranges, weights.astype(np.float16))


def _blended(
    probabilities: NDArray[np.float64], texts: Sequence[str], alphabet: Alphabet
) -> NDArray[np.float64]:
    """What a profile says, and a little of what the texts say."""
    letters = alphabet.read(texts)
    if not letters.this.size:
        return probabilities
    share = MOST_OF_CORRECTIONS * len(texts) / (len(texts) + HALF_AT_TEXTS)
    found = buckets(letters.this, letters.previous, letters.following, BUCKET_BITS)
    in_texts = np.bincount(found.ravel(), minlength=probabilities.size) / letters.this.size
    return (1 - share) * probabilities + share * in_texts


def _probabilities(counts: dict[str, int], alphabet: Alphabet) -> NDArray[np.float64]:
    """How likely each bucket is among the 1-grams, plus among the 2-grams, plus the 3-grams."""
    total = np.zeros(2**BUCKET_BITS)
    for size in (1, 2, 3):
        grams = {gram: count for gram, count in counts.items() if len(gram) == size}
        letters = alphabet.fold("".join(grams)).reshape(-1, size)
        this = letters[:, 0 if size == 1 else 1]
        unused = np.zeros_like(this)
        previous = letters[:, 0] if size > 1 else unused
        following = letters[:, 2] if size > 2 else unused
        bucket = buckets(this, previous, following, BUCKET_BITS)[size - 1]
        # At run time every feature has a letter in this place.
        weight = np.where(this == SPACE, 0, list(grams.values()))
        total += np.bincount(bucket, weight, minlength=total.size) / weight.sum()
    return total
