"""`make features`, `make update` and `make rename`, by the version of the template that is wanted.

`__main__` of the newest version that is known here chooses it, and runs this module of it.
"""

import argparse
import os
import shlex
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .git import RefusedError, refusals, say
from .names import renaming, with_names, written
from .origins import misfits
from .report import Report, data_left, settings_to_mend, shown
from .repository import Merge, Repository
from .taking import take, undisturbed
from .templates import RECORD, Answers, Template, checked_out, keep_address, read_record
from .versions import number, releases, upgrades


class Versions(NamedTuple):
    """What a project was made from, and what it is to be made from."""

    old: Template
    old_answers: Answers
    new: Template
    answers: Answers


class Renders(NamedTuple):
    """What each of the versions makes, in folders."""

    versions: Versions
    old: Path
    new: Path


def features(project: Path, clone: Path, to: str) -> None:
    """Print what a project was made from, and what it chose."""
    record = read_record(project)
    with tempfile.TemporaryDirectory() as scratch:
        template = checked_out(clone, to, Path(scratch, "template"))
    newest = [one for one in releases(clone)[-1:] if number(one) > number(record["version"])]
    lines = [f"Made from {record['version']} of {record['template']}"]
    for prompt, default in template.config.items():
        if prompt in record["cookiecutter"] and not isinstance(default, str):
            lines.append(_row(prompt, record["cookiecutter"][prompt], default, template))
    lines += [f"{one} is there: make update" for one in newest]
    say("\n".join(lines))


def _row(prompt: str, answer: str | bool, default: Any, template: Template) -> str:
    chosen = answer if isinstance(answer, str) else ("no", "yes")[answer]
    asked = template.config["__prompts__"][prompt].rstrip("?")
    options = f" ({', '.join(default)})" if isinstance(default, list) else ""
    return f"  {prompt:<16}{chosen:<12}{asked}{options}"


def update(
    project: Path, clone: Path, to: str, typed: Sequence[str] = (), base: str | None = None
) -> Report:
    """Merge a version of the template, other answers, or both into a project; print the report.

    Args:
        project: Its folder.
        clone: A repository of the template.
        to: The version that is wanted.
        typed: Answers as `PROMPT=ANSWER`.
        base: The version that the project was made from, should the record not say it.

    Raises:
        RefusedError: It cannot be done; nothing was changed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        repository, record, old = _start(project, clone, base, Path(scratch))
        new = checked_out(clone, to, Path(scratch, "new-template"))
        old_answers = old.answered(record["cookiecutter"])
        carried, prompts = new.carried(old_answers, old.version)
        given = _given(new.typed(one, renaming=False) for one in typed)
        answers = new.check({**carried, **given})
        renders = _rendered(
            Versions(old, old_answers, new, answers), record, repository, Path(scratch)
        )
        base_tree = _base_tree(repository, renders)
        merge = repository.merge(
            *(base_tree, repository.head_tree(), repository.tree_of(renders.new)),
            beside=old.rendered_paths(old_answers) | new.rendered_paths(answers),
            moved=old.version != new.version,
        )
        report = _report(project, repository, merge, renders)
        report.declined = [
            said for one in prompts if one not in given and (said := new.taking(one))
        ]
        off = [
            one for one, answer in old_answers.items() if answer is True and not answers.get(one)
        ]
        report.data = data_left(new, off, old_answers)
    _end(repository, report)
    return report


def rename(
    project: Path, clone: Path, to: str, typed: Sequence[str], base: str | None = None
) -> Report:
    """Give a project other names, in what its team has written too; print the report.

    Args:
        project: Its folder.
        clone: A repository of the template.
        to: The version that the project was made from.
        typed: Names as `PROMPT=NAME`.
        base: The version that the project was made from, should the record not say it.

    Raises:
        RefusedError: It cannot be done; nothing was changed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        repository, record, old = _start(project, clone, base or to, Path(scratch))
        names = _given(old.typed(one, renaming=True) for one in typed)
        if not names:
            raise RefusedError("Which names? make rename NAMES='project_slug=babel-fish'")
        old_answers = old.answered(record["cookiecutter"])
        answers = old.check({**old_answers, **names})
        renders = _rendered(
            Versions(old, old_answers, old, answers), record, repository, Path(scratch)
        )
        base_tree = _base_tree(repository, renders)
        names = renaming(repository, old_answers, answers)
        head, new = repository.head_tree(), repository.tree_of(renders.new)
        merge = repository.merge(
            *(with_names(repository, base_tree, names), with_names(repository, head, names), new),
            beside=old.rendered_paths(answers),
            moved=False,
        )
        report = _report(project, repository, merge, renders)
        report.named, report.kept = written(repository, head, merge.tree, new, names)
        on = [one for one, answer in old_answers.items() if answer is True]
        report.data = data_left(old, on, old_answers)
    _end(repository, report)
    return report


def _end(repository: Repository, report: Report) -> None:
    """Put the merge into the project, and print the report.

    What is interrupted before has changed nothing; here it is too late for that.
    """
    with undisturbed():
        take(repository.top, report.merge.tree, report.merge.conflicts)
        say(shown(report))


def _given(typed: Iterable[tuple[str, str | bool]]) -> Answers:
    given: Answers = {}
    for prompt, answer in typed:
        if given.setdefault(prompt, answer) != answer:
            raise RefusedError(f"{prompt} has two answers.")
    return given


def _start(
    project: Path, clone: Path, base: str | None, scratch: Path
) -> tuple[Repository, dict[str, Any], Template]:
    """The project's repository and record, and the template that it was made from."""
    repository = Repository(project)  # first: it puts back what an update left half done
    record = read_record(project)
    if not repository.is_known(RECORD):
        raise RefusedError(f"{RECORD} is not committed: add and commit it first.")
    return repository, record, checked_out(clone, base or record["version"], scratch / "template")


def _rendered(
    versions: Versions, record: Mapping[str, Any], repository: Repository, scratch: Path
) -> Renders:
    """Render both versions. Raises RefusedError unless the first is what the project was."""
    old, new = versions.old, versions.new
    before = old.render(versions.old_answers, scratch / "old")
    made = old.fingerprint(before) or new.fingerprint(before)
    if made != record["made"]:
        base = repository.tree_of(before)
        wrong = misfits(repository, old, versions.old_answers, base)
        if wrong:
            raise RefusedError(
                f"{record['version']} does not make this project of the answers in {RECORD}, which "
                f"do not fit {wrong[0]}: undo an edit of it, or say FROM= and the commit of the "
                "template that it was made from."
            )
    after = new.render(versions.answers, scratch / "new")
    if record["template"] != old.config.get("_home"):
        keep_address(after, record["template"])
    return Renders(versions, before, after)


def _base_tree(repository: Repository, renders: Renders) -> str:
    """The tree of the project as it was made, with its own record. Refuses an edited kit."""
    (renders.old / RECORD).write_bytes((repository.project / RECORD).read_bytes())
    tree = repository.tree_of(renders.old)
    repository.check_kit(tree)
    return tree


def _report(project: Path, repository: Repository, merge: Merge, renders: Renders) -> Report:
    old, new = renders.versions.old, renders.versions.new
    crossed = [*upgrades(new.folder, old.version, new.version)]
    example = renders.new / ".env.example"
    missing, renamed = settings_to_mend(project / ".env", example, crossed)
    notes = [f"{one.version}:\n{one.notes}" for one in crossed if one.notes]
    return Report(repository.prefix, merge, missing=missing, renamed=renamed, notes=notes)


def _words(variable: str) -> list[str]:
    """The words of a variable, split as a shell would."""
    try:
        return shlex.split(os.environ.get(variable, ""))
    except ValueError:
        raise RefusedError(f"{variable} has a quote that is not closed.") from None


def main() -> int:
    """Run a command; return 0, or 2 where there are conflicts."""
    parser = argparse.ArgumentParser(prog="evolve")
    parser.add_argument("command", choices=["features", "update", "rename"])
    parser.add_argument("clone", type=Path)
    parser.add_argument("to")
    options = parser.parse_args()
    project, base = Path.cwd(), os.environ.get("FROM") or None
    if options.command == "features":
        features(project, options.clone, options.to)
        return 0
    typed = _words("SET" if options.command == "update" else "NAMES")
    run = update if options.command == "update" else rename
    report = run(project, options.clone, options.to, typed, base)
    return 2 if report.merge.conflicts else 0


if __name__ == "__main__":
    sys.exit(refusals(main))
