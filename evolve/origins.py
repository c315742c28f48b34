"""Finds what made a project: a release of the template, or a commit between two of them.

A project made from a commit has the version of the release before it, and the hash of what it was.
"""

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .git import RefusedError, run_git, say, text
from .repository import KIT, Repository
from .templates import FOLDER, PACKAGE, RECORD, Answers, Template, checked_out, record_of
from .versions import commit_of, number, releases

SECONDS = 30
"""How long commits are looked through, some five a second."""


def commit_that_made(clone: Path, record: Mapping[str, Any], project: Path) -> str | None:
    """Return the commit that made a project, or None where none is found that did.

    The release of the record's version is tried first, then the commits between it and the next.

    Args:
        clone: A repository of the template.
        record: Of the project.
        project: Its folder.
    """
    written, day = _written(project, record)
    tag = commit_of(clone, record["version"])
    if written["version"] != record["version"] or (tag and _makes(clone, tag, written)):
        return tag
    said = f"{record['version']} did not make this project: looking for the commit that did."
    say(said, sys.stderr)
    until = time.monotonic() + SECONDS
    for commit in _beside(clone, record["version"], day):
        if _version(clone, commit) == record["version"] and _makes(clone, commit, written):
            say(f"The project was made from {commit[:12]}.", sys.stderr)
            return commit
        if time.monotonic() > until:
            break
    return None


def _written(project: Path, record: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
    """The record as it was when its hash was written into it, and the second of that commit.

    Since then, a merge of two branches may have changed the answers beside it.
    """
    options = ("--no-show-signature", "--format=%H %ct", f"-S{record['made']}")
    lines = text(run_git(project, "log", *options, "--", RECORD).stdout).splitlines()
    commit, day = lines[-1].split() if lines else ("HEAD", str(int(time.time())))
    shown = run_git(project, "cat-file", "blob", f"{commit}:./{RECORD}").stdout
    try:
        return record_of(shown.decode()), int(day)
    except (RefusedError, UnicodeDecodeError):
        return record, int(day)


def _makes(clone: Path, commit: str, record: Mapping[str, Any]) -> bool:
    with tempfile.TemporaryDirectory() as scratch:
        try:
            template = checked_out(clone, commit, Path(scratch, "template"))
            answers = template.answered(record["cookiecutter"])
        except RefusedError:
            return False
        made = template.render(answers, Path(scratch, "render"))
        return template.fingerprint(made) == record["made"]


def _beside(clone: Path, version: str, day: int) -> list[str]:
    """The commits of one version that change what it makes; those of about a day are first."""
    known = releases(clone)
    later = [f"v{one}" for one in known if number(one) > number(version)]
    tips = later[:1] or ["HEAD", "--branches", "--remotes"]
    earlier = [f"^v{one}" for one in known if number(one) <= number(version)]
    paths = (FOLDER, "hooks", "cookiecutter.json")
    listed = run_git(clone, "rev-list", "--timestamp", *tips, *earlier, "--", *paths)
    commits = [line.split() for line in text(listed.stdout).splitlines()]
    return [commit for _, commit in sorted(commits, key=lambda one: abs(int(one[0]) - day))]


def _version(clone: Path, commit: str) -> str | None:
    shown = run_git(clone, "cat-file", "blob", f"{commit}:cookiecutter.json")
    try:
        return json.loads(shown.stdout).get("_version")
    except ValueError:
        return None


def misfits(repository: Repository, template: Template, answers: Answers, base: str) -> list[str]:
    """Say where a project is none that a version makes of these answers, whatever its record has.

    Two branches that each changed an answer have, merged, the hash of neither.

    Args:
        repository: Of the project.
        template: The version.
        answers: To its prompts.
        base: The tree of what it makes.
    """
    found: list[str] = []
    for condition, paths, is_met in template.conditions(answers):
        there = [path for path in paths if repository.object_of("HEAD", path)]
        if bool(there) != is_met:
            found.append(f"{condition} ({there[0] if there else paths[0]})")
    package = f"src/{answers[PACKAGE]}"
    if not repository.object_of("HEAD", package):
        found.append(package)
    if repository.object_of("HEAD", KIT) != repository.object_of(base, KIT):
        found.append(KIT)
    return found
