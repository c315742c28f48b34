"""Versions of the template: its tags, what each changed, and what a project has to do."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from .git import RefusedError, git, run_git, text

NUMBER = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
UNRELEASED = "0.0.0"
"""The version of a template from before its first release."""


def number(version: str) -> tuple[int, int, int]:
    """`v1.10.0` as numbers, which sort; a version that is none sorts first."""
    found = NUMBER.fullmatch(version)
    return (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)


def releases(clone: Path) -> list[str]:
    """The versions that a clone has tags of, oldest first."""
    tags = git(clone, "tag", "--list", "v*").split()
    return sorted((tag[1:] for tag in tags if NUMBER.fullmatch(tag)), key=number)


def commit_of(clone: Path, version: str) -> str | None:
    """The commit of a version, a tag, a branch or a commit, if the clone has it."""
    for name in (f"v{version}", version):
        if name.startswith("-"):
            continue
        done = run_git(clone, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if not done.returncode:
            return text(done.stdout).strip()
    return None


def known_commit(clone: Path, version: str) -> str:
    """Raises RefusedError when the clone has no such version."""
    if commit := commit_of(clone, version):
        return commit
    raise RefusedError(f"The template has no version {version!r}.")


class Upgrade(NamedTuple):
    """What a version asks of projects that were made before it.

    prompts: New names by old ones.
    answers: Of prompts that are new, where projects had before what they ask for.
    settings: New names by old ones.
    notes: Lines of the changelog's section *When you update*.
    """

    version: str
    prompts: Mapping[str, str]
    answers: Mapping[str, str | bool]
    settings: Mapping[str, str]
    notes: str


def upgrades(template: Path, after: str, until: str) -> Iterator[Upgrade]:
    """Those of each version after one and up to another, oldest first."""
    table = json.loads((template / "upgrades.json").read_text(encoding="utf-8"))
    changelog = (template / "CHANGELOG.md").read_text(encoding="utf-8")
    for version in sorted(sections(changelog), key=number):
        if number(after) < number(version) <= number(until):
            row = table.get(version, {})
            yield Upgrade(
                version,
                row.get("prompts", {}),
                row.get("answers", {}),
                row.get("settings", {}),
                part(sections(changelog)[version], "When you update"),
            )


def sections(changelog: str) -> dict[str, str]:
    """The text below each released version's heading, by version."""
    parts = re.split(r"^## \[([^\]]+)\].*\n", changelog, flags=re.MULTILINE)[1:]
    both = zip(parts[::2], parts[1::2], strict=True)
    return {version: body for version, body in both if NUMBER.fullmatch(version)}


def part(section: str, heading: str) -> str:
    """The lines below a heading of a version's section; "" where it has none."""
    found = re.search(rf"^### {heading}\n(.*?)(?=^### |\Z)", section, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""
