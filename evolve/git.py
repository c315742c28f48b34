"""Runs git, and names the error that ends a command."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

# Line ends are compared as they are, whatever this machine prefers.
SETTINGS = ("-c", "core.autocrlf=false", "-c", "core.fsmonitor=false", "-c", "diff.noprefix=false")
# What git tells its hooks: another repository than that of the folder.
FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")


class RefusedError(Exception):
    """Nothing was changed. The message is one sentence that says why."""


def run_git(
    folder: Path,
    *arguments: str | Path,
    given: bytes | None = None,
    variables: Mapping[str, str] | None = None,
    alone: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder, whatever its outcome.

    Args:
        folder: The working directory.
        arguments: Of git.
        given: What git reads from its standard input.
        variables: Added to the environment.
        alone: Whether Ctrl-C must not reach it; then it cannot ask for a password, either.
    """
    environment = {name: one for name, one in os.environ.items() if name not in FOREIGN}
    return subprocess.run(
        ["git", *SETTINGS, *map(str, arguments)],
        cwd=folder,
        env={**environment, **(variables or {})},
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        check=False,
        start_new_session=alone,
    )


def git(
    folder: Path,
    *arguments: str | Path,
    given: bytes | None = None,
    variables: Mapping[str, str] | None = None,
    alone: bool = False,
) -> str:
    """Return what git prints, without the last line break.

    Raises:
        RefusedError: Git failed.
    """
    done = run_git(folder, *arguments, given=given, variables=variables, alone=alone)
    if done.returncode:
        said = text(done.stderr or done.stdout).strip().splitlines()
        raise RefusedError(f"git {arguments[0]}: {said[0] if said else 'failed'}")
    return text(done.stdout).removesuffix("\n")


def text(output: bytes) -> str:
    return os.fsdecode(output)


def paths(output: str) -> list[str]:
    """The paths that git prints with `-z`."""
    return [path for path in output.split("\0") if path]
