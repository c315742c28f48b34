"""What an update has done, and what it leaves to do."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .repository import BASE, OURS, Merge
from .templates import Answers, Template
from .versions import Upgrade

SETTING = re.compile(r"^([A-Z][A-Z0-9_]*)=", re.MULTILINE)
# As `make setup` reads them: with blanks, `export`, or commented out.
IN_ENV = re.compile(
    r"^[ \t]*(?P<out>#[ \t]*)?(?:export[ \t]+)?(?P<name>[A-Z][A-Z0-9_]*)[ \t]*=", re.MULTILINE
)


@dataclass
class Report:
    """The outcome of an update.

    Attributes:
        prefix: Of the project's paths.
        merge: What became of each file.
        declined: Answers that would take what is new, and was declined.
        missing: Settings that `.env` lacks.
        renamed: Settings of `.env` that have another name now: new by old.
        data: What declined features leave, in sentences.
        named: Files of the team's that have the new names.
        kept: Files of the team's in which an old name still is a word.
        notes: What each version that was crossed asks for.
    """

    prefix: str
    merge: Merge
    declined: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def settings_to_mend(
    env: Path, example: Path, crossed: Iterable[Upgrade]
) -> tuple[list[str], dict[str, str]]:
    """What `.env` lacks of what the new example sets, and what in it was renamed."""
    if not env.is_file():
        return [], {}
    text = env.read_text(encoding="utf-8-sig", errors="replace")
    there = {found["name"]: found["out"] is None for found in IN_ENV.finditer(text)}
    wanted = SETTING.findall(example.read_text(encoding="utf-8")) if example.is_file() else []
    renamed = {old: new for upgrade in crossed for old, new in upgrade.settings.items()}
    return (
        [name for name in wanted if name not in there],
        {old: new for old, new in renamed.items() if there.get(old)},
    )


def data_left(template: Template, features: Sequence[str], answers: Answers) -> list[str]:
    found = (template.left_behind(feature, answers) for feature in features)
    return [sentence for sentence in found if sentence]


def shown(report: Report) -> str:
    """The report as lines for the terminal."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    merge = report.merge
    if not (merge.taken or merge.beside or merge.conflicts):
        yield "Nothing changed."
        return
    yield f"Taken: {len(merge.taken)} files"
    yield from _listed("Side by side", merge.beside, report.prefix)
    yield from _listed("Stays removed", merge.removed, report.prefix)
    for path, stages in sorted(merge.conflicts.items()):
        kind = "you edited what goes" if stages.keys() == {BASE, OURS} else "both changed it"
        kind = merge.faults.get(path, kind)
        yield f"Conflict: {path.removeprefix(report.prefix)} ({kind})"
    yield from _listed("Names put into your files", report.named, "")
    yield from _listed("An old name stays in", report.kept, "")
    for answer in report.declined:
        yield f"New, and declined: {answer.partition('=')[0]} (make update SET='{answer}')"
    for name in report.missing:
        yield f"Missing in .env: {name} (make setup adds it)"
    for old, new in report.renamed.items():
        yield f"Renamed in .env: {old} is {new} now"
    yield from report.data
    for note in report.notes:
        yield f"When you update, {note}"
    if merge.conflicts:
        yield "Resolve the conflicts and git add each file: git status lists them."
    yield "Look: git diff --cached. Keep: make setup check, then git add uv.lock and git commit."
    yield "Drop it all: git reset --hard."


def _listed(kind: str, found: Sequence[str], prefix: str) -> Iterator[str]:
    if found:
        yield f"{kind}: {', '.join(sorted(path.removeprefix(prefix) for path in found))}"
