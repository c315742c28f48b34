"""Merges edits of lines that stand beside each other, where git's merge would see a conflict.

Lines of the template come and go beside lines that teams add, in the lists of a few files. What
one side inserts is kept beside what the other inserts, the template's first; a line that both
sides change stays a conflict.
"""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .git import run_git, text

HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
REQUIREMENT = re.compile(r'\s+"(?P<name>[\w.-]+)[\w.\[\],-]*\s*[<>=~!].*",.*\n')

Lines = Sequence[str]


class Edits(NamedTuple):
    """How one text becomes another.

    gone: Numbers of the lines that are not there any more, from 0.
    new: Lines that come in front of a line, by its number.
    replaced: For these numbers, the numbers of the lines in whose place they come.
    """

    gone: set[int]
    new: dict[int, Lines]
    replaced: dict[int, set[int]]


def edits(old: Lines, new: Lines) -> Edits:
    """Compare two texts line by line."""
    with tempfile.TemporaryDirectory() as scratch:
        files = [Path(scratch, name) for name in ("old", "new")]
        for path, lines in zip(files, (old, new), strict=True):
            path.write_text("".join(lines), encoding="utf-8", newline="")
        options = ("--no-index", "--no-color", "--no-ext-diff", "--histogram", "--text", "-U0")
        diff = text(run_git(Path(scratch), "diff", *options, *files).stdout)
    found = Edits(set(), {}, {})
    for hunk in HUNK.finditer(diff):
        count, new_count = int(hunk[2] or 1), int(hunk[4] or 1)
        # Where nothing goes, git names the line before.
        first = int(hunk[1]) - 1 if count else int(hunk[1])
        lines = set(range(first, first + count))
        found.gone.update(lines)
        if new_count:
            start = int(hunk[3]) - 1
            found.new[first] = new[start : start + new_count]
            found.replaced[first] = lines
    return found


def side_by_side(base: Lines, ours: Lines, theirs: Lines) -> list[str] | None:
    """Merge what two sides made of a text, or return None where both changed a line.

    Args:
        base: The text that both started from.
        ours: The project's.
        theirs: The template's.
    """
    mine, other = edits(base, ours), edits(base, theirs)
    for one, another in ((mine, other), (other, mine)):
        if any(lines & another.gone for lines in one.replaced.values()):
            return None
    merged: list[str] = []
    for at in range(len(base) + 1):
        merged += _both(other.new.get(at, ()), mine.new.get(at, ()))
        if at < len(base) and at not in mine.gone | other.gone:
            merged.append(base[at])
    return merged


def _both(theirs: Lines, ours: Lines) -> list[str]:
    if not theirs or not ours or ours == theirs:
        return [*(theirs or ours)]
    lines = [*theirs, *ours]
    found = [one for one in map(REQUIREMENT.fullmatch, lines) if one]
    if len(found) < len(lines):
        return lines
    # Requirements are sorted by their names, and stay so.
    return [one[0] for one in sorted(found, key=lambda one: one["name"].lower())]
