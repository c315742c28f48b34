"""The training data: how often each n-gram stands in a language, counted by langdetect.

langdetect (Apache-2.0) ships a profile a language, counted over its Wikipedia.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable
from importlib import resources
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from servekit.registry.training import TrainingError

# ISO 639-1 knows one Chinese; langdetect has a profile for each of its scripts.
_PROFILES = {"zh": ("zh-cn", "zh-tw")}

# Below this share of a profile's letters a script comes from quotations: Wikipedia in Hebrew
# is 5% Latin letters, in Japanese it is 27% katakana.
_SMALLEST_SHARE_OF_A_SCRIPT = 0.1

# langdetect counted each of these ranges as one letter, so texts must be read that way too.
# Ideographs it only grouped, by a table too long to carry along: here they are one letter.
_RANGES = (
    ("\u0218", "\u0219", "ş"),
    ("\u021a", "\u021b", "ţ"),
    ("\u06cc", "\u06cc", "\u064a"),  # Persian yeh, Arabic yeh
    ("\u1100", "\u11ff", "가"),
    ("\u1ea0", "\u1eff", "ể"),
    ("\u3040", "\u309f", "あ"),
    ("\u30a0", "\u30ff", "ア"),
    ("\u3400", "\u4dbf", "一"),
    ("\u4e00", "\u9fff", "一"),
    ("\uac00", "\ud7af", "가"),
    ("\uf900", "\ufaff", "一"),
)


class Profiles(NamedTuple):
    """How often each n-gram (1 to 3 characters, a space at the end of a word) was counted."""

    source: str
    counts: dict[str, dict[str, int]]


def read_profiles(languages: Iterable[str]) -> Profiles:
    """The profiles of these languages, by ISO 639-1 code.

    Raises TrainingError when langdetect is not installed.
    """
    try:
        folder = resources.files("langdetect") / "profiles"
    except ModuleNotFoundError as error:
        raise TrainingError(
            "Training needs langdetect, one of the development dependencies: run make setup."
        ) from error
    counts: dict[str, dict[str, int]] = {}
    for language in languages:
        total: Counter[str] = Counter()
        for name in _PROFILES.get(language, (language,)):
            total.update(json.loads((folder / name).read_text(encoding="utf-8"))["freq"])
        counts[language] = dict(total)
    return Profiles(f"n-gram profiles of langdetect {version('langdetect')}", counts)


def alphabet_of(profiles: Profiles) -> NDArray[np.uint16]:
    """The ranges of an Alphabet that reads texts as the profiles were counted, case aside."""
    known = {letter for counts in profiles.counts.values() for letter in _own_letters(counts)}
    ranges = [tuple(map(ord, each)) for each in _RANGES if each[2] in known]
    singles: dict[int, int] = {}
    for letter in known:
        for form in (letter, letter.lower()[0], letter.upper()):
            # The capital of ß is two letters, and so is the small form of İ.
            if len(form) == 1:
                singles[ord(form)] = ord(form.lower()[0])
    rows = [
        (point, point, letter)
        for point, letter in sorted(singles.items())
        if not any(first <= point <= last for first, last, _ in ranges)
    ]
    return np.array(rows + ranges, dtype=np.uint16)


def _own_letters(counts: dict[str, int]) -> list[str]:
    """The letters of the scripts that the language is written in, marks included."""
    letters = {
        gram: count
        for gram, count in counts.items()
        if len(gram) == 1 and unicodedata.category(gram)[0] in "LM"
    }
    scripts: Counter[str] = Counter()
    for letter, count in letters.items():
        scripts[_script(letter)] += count
    smallest = _SMALLEST_SHARE_OF_A_SCRIPT * sum(scripts.values())
    return [letter for letter in letters if scripts[_script(letter)] >= smallest]


def _script(letter: str) -> str:
    # The names of characters never change, and they begin with the script.
    return unicodedata.name(letter, "unknown").split()[0]
