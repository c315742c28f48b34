"""What users have said about answers, as far as training can believe it."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from typing import NamedTuple

from servekit import corrections as exported
from servekit.registry.training import TrainingError

from acme_service.contracts.language import LANGUAGE

FEWEST_TEXTS = 5
"""A language with fewer stays as it is: one voice does not change an answer."""

FEWEST_LETTERS = 10
"""Shorter texts are written alike in several languages."""

MOST_CHARS = 1_000
"""Of one text, so that a long one does not speak for its language alone."""


class Correction(NamedTuple):
    """A text, and the language that a user says it is in."""

    text: str
    language: str


class Corrections(NamedTuple):
    """What is left of corrections when they were sifted.

    texts: by language, each once and in order, so that the same corrections give the same model
        whatever order they came in.
    left_out: how many were of no use, by the reason.
    """

    texts: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, int]

    def facts(self) -> dict[str, object]:
        """What a manifest says of them, and none of the texts."""
        content = json.dumps(dict(sorted(self.texts.items())), ensure_ascii=False)
        return {
            "used": {language: len(texts) for language, texts in sorted(self.texts.items())},
            "left_out": dict(sorted(self.left_out.items())),
            "sha256": sha256(content.encode()).hexdigest(),
        }


def read_corrections(lines: Iterable[str]) -> list[Correction]:
    """Read a file that feedback has exported, or one like it.

    Raises TrainingError, which names the first line that is not a correction.
    """
    try:
        found = exported.read_corrections(LANGUAGE, lines)
    except exported.CorrectionsError as error:
        raise TrainingError(str(error)) from None
    return [Correction(one.input.text, one.label) for one in found]


def sift(
    corrections: Iterable[Correction], languages: Collection[str], test_set: Collection[str]
) -> Corrections:
    """Quota out what training should not learn from.

    languages: that the model is about to know.
    test_set: texts by which it is measured afterwards.
    """
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text, language in corrections:
        labels[" ".join(text.split())[:MOST_CHARS]][language] += 1
    left_out: Counter[str] = Counter()
    texts: defaultdict[str, list[str]] = defaultdict(list)
    tests = {" ".join(text.split()) for text in test_set}
    for text, votes in sorted(labels.items()):
        (language, most), everybody = votes.most_common(1)[0], votes.total()
        # First, because of labels that are as many any may be the most common.
        if most * 2 <= everybody:
            left_out["contradicted"] += everybody
        elif reason := _objection(text, language, languages, tests):
            left_out[reason] += everybody
        else:
            left_out["contradicted"] += everybody - most
            left_out["repeated"] += most - 1
            texts[language].append(text)
    for language in [one for one, found in texts.items() if len(found) < FEWEST_TEXTS]:
        left_out["too few of a language"] += len(texts.pop(language))
    return Corrections(
        {language: tuple(found) for language, found in sorted(texts.items())}, +left_out
    )


def _objection(
    text: str, language: str, languages: Collection[str], tests: Collection[str]
) -> str | None:
    if sum(map(str.isalpha, text)) < FEWEST_LETTERS:
        return "too short"
    if text in tests:
        return "in the test set"
    return None if language in languages else "in no language of the model"
