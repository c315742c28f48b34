"""Merges edits of lines that stand beside each other, where git's merge would see a conflict.

Lines of the template come and go beside lines that teams add, in the lists of a few files. What
one side inserts is kept beside what the other inserts, the template's first. A line that both
sides change stays a conflict, and so does one that is put into what the other side removes.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain
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

    def inserted(self) -> Iterator[tuple[int, Lines]]:
        """The lines that come in no other's place, and the number of the line after them."""
        return ((at, lines) for at, lines in self.new.items() if not self.replaced[at])


def edits(old: Lines, new: Lines) -> Edits:
    """Compare two texts line by line."""
    with tempfile.TemporaryDirectory() as scratch:
        files = [Path(scratch, name) for name in ("old", "new")]
        for path, lines in zip(files, (old, new), strict=True):
            path.write_text("".join(lines), encoding="utf-8", newline="")
        options = ("--no-index", "--no-color", "--no-ext-diff", "--text")
        # However a machine prefers to see hunks.
        hunks = ("--histogram", "--indent-heuristic", "-U0", "--inter-hunk-context=0")
        diff = text(run_git(Path(scratch), "diff", *options, *hunks, *files).stdout)
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
        if any(_is_inside(at, lines, base, another.gone) for at, lines in one.inserted()):
            return None
    merged: list[str] = []
    new: list[tuple[Lines, Lines]] = []
    for at in range(len(base) + 1):
        new.append((other.new.get(at, ()), mine.new.get(at, ())))
        if at not in mine.gone | other.gone:
            merged += [*_in_order(new), *base[at : at + 1]]
            new = []
    return merged


def _is_inside(at: int, lines: Lines, base: Lines, gone: set[int]) -> bool:
    """Whether lines in front of a line belong to what goes there, and would end up elsewhere."""
    if at - 1 not in gone:
        return False
    first, last = at - 1, at
    while first - 1 in gone:
        first -= 1
    while last in gone:
        last += 1
    if at in gone:
        # Requirements need none of those around them, as long as their list stays.
        return not all(map(REQUIREMENT.fullmatch, [*base[first:last], *lines]))
    # What stands below it and is indented deeper is its last part: a key of a service that goes.
    return _indents(lines)[:1] > [min(_indents(base[first:at]), default=0)]


def _indents(lines: Lines) -> list[int]:
    return [len(line) - len(line.lstrip()) for line in lines if line.strip()]


def _in_order(new: Sequence[tuple[Lines, Lines]]) -> list[str]:
    """The new lines of both sides between two that stay: requirements as sorted as they were."""
    sides = [[*chain.from_iterable(one)] for one in zip(*new, strict=True)]
    lines = [line for theirs, ours in new for line in _both(theirs, ours)]
    found = [one for one in map(REQUIREMENT.fullmatch, lines) if one]
    if not all(sides) or len(found) < len(lines):
        return lines
    return [one[0] for one in sorted(found, key=lambda one: one["name"].lower())]


def _both(theirs: Lines, ours: Lines) -> list[str]:
    if not theirs or not ours or ours == theirs:
        return [*(theirs or ours)]
    return [*theirs, *ours]
