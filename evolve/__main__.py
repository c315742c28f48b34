"""Choose the version of the template that is wanted, fetch it if need be, and run its own script.

`python -m evolve update CLONE` is what a project's Makefile runs, with TO=, SET=, NAMES= and FROM=
in the environment, and TEMPLATE= where the clone is one of the user's own.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .git import RefusedError, own_path, refusals, run_git, say, text
from .origins import commit_that_made
from .repository import Repository
from .templates import read_record
from .versions import commit_of, known_commit, number, releases


class Clone:
    """A repository of the template.

    Args:
        folder: Where it is.
        own: Whether it is the user's, and not to be fetched into.
    """

    def __init__(self, folder: Path, own: bool) -> None:
        self.folder = folder
        self._own = own
        self._fetched = False

    def fetch(self) -> bool:
        """Fetch what is new, once; return whether something may have come.

        Without a network, what is here has to do.
        """
        if self._own or self._fetched:
            return False
        self._fetched = True
        done = run_git(self.folder, "fetch", "--quiet", "--tags")
        if done.returncode:
            reason = (text(done.stderr).strip().splitlines() or ["git failed"])[0]
            said = f"The template cannot be reached ({reason}): going on with what is here."
            say(said, sys.stderr)
        return not done.returncode

    def require(self, version: str) -> str:
        """Return a version that is here or can be fetched. Raises RefusedError for another."""
        if not self.has(version):
            raise RefusedError(f"The template has no version {version!r}.")
        return version

    def has(self, version: str) -> bool:
        """Whether a version is here or can be fetched."""
        if commit_of(self.folder, version) is None:
            self.fetch()
        return commit_of(self.folder, version) is not None


def wanted(command: str, clone: Clone, version: str) -> str | None:
    """Return the version that has to run its script; None when there is nothing to update.

    Args:
        command: Of make.
        clone: Of the template.
        version: The project's own.

    Raises:
        RefusedError: There is no such version.
    """
    if command == "features":
        clone.fetch()
        return version if commit_of(clone.folder, version) else "HEAD"
    base = os.environ.get("FROM") or version
    if not clone.has(base):
        raise RefusedError(
            f"The template has no version {base!r}, which this project was made from: say FROM= "
            "and its commit."
        )
    if command == "rename":
        return base
    if to := os.environ.get("TO"):
        return clone.require(to.removeprefix("v") if number(to) > (0, 0, 0) else to)
    if os.environ.get("SET"):
        return base
    clone.fetch()
    known = releases(clone.folder)
    if not known:
        raise RefusedError("The template has no release yet: say TO= and a branch or commit.")
    return known[-1] if number(known[-1]) > number(version) else None


def find_origin(clone: Clone, record: Mapping[str, Any], project: Path) -> None:
    """Say FROM= for a project that no release made, if its commit is here or can be fetched."""
    commit = commit_that_made(clone.folder, record, project)
    if commit is None and clone.fetch():
        commit = commit_that_made(clone.folder, record, project)
    if commit and commit != commit_of(clone.folder, record["version"]):
        os.environ["FROM"] = commit


def main() -> int:
    """Return 0 where nothing is newer; else the version's own script takes over."""
    command, folder = sys.argv[1], Path(sys.argv[2])
    clone = Clone(folder, own=bool(os.environ.get("TEMPLATE")))
    project = Path.cwd()
    if command != "features":
        Repository(project)  # refuses at once, and not after a fetch
    record = read_record(project)
    if command != "features" and not os.environ.get("FROM"):
        find_origin(clone, record, project)
    version = wanted(command, clone, record["version"])
    if version is None:
        say(f"This project was made from {record['version']}; nothing newer is released.")
        return 0
    script = _script(project, clone.folder, version)
    run = ("-P", "-m", "evolve.commands", command, str(folder), version)
    variables = {**os.environ, "PYTHONPATH": str(script)}
    return os.execve(sys.executable, [sys.executable, *run], variables)


def _script(project: Path, clone: Path, version: str) -> Path:
    """Write the script of a version, in git's own folder, as an archive that Python runs."""
    folder = own_path(project, "evolve.zip")
    commit = known_commit(clone, version)
    archived = ("archive", "--format=zip", f"--output={folder}", commit, "evolve")
    if run_git(clone, *archived).returncode:
        raise RefusedError(f"Version {version} of the template has no updates: choose a later one.")
    return folder


if __name__ == "__main__":
    sys.exit(refusals(main))
