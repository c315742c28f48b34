"""Runs git, and names the error that ends a command."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

# What a machine or a repository prefers decides nothing here: no hook, no colour, no submodule.
SETTINGS = {
    "color.ui": "false",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "diff.noprefix": "false",
    "safe.bareRepository": "all",
    "submodule.recurse": "false",
}
# Nor does it decide what files are compared as, or what merges them.
AS_THEY_ARE = {
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.fileMode": "true",
    "core.sparseCheckout": "false",
    "merge.default": "text",
    "merge.renormalize": "false",
}
# What git tells its hooks: another repository than that of the folder.
FOREIGN = (
    *("GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_WORK_TREE"),
)


class RefusedError(Exception):
    """Nothing was changed. The message is one sentence that says why."""


def say(said: str, stream: TextIO | None = None) -> None:
    """Print to a stream, stdout by default; that its reader has gone, as `head` does, is no error.

    Args:
        said: The text.
        stream: stdout or stderr.
    """
    output = stream or sys.stdout
    try:
        print(said, file=output, flush=True)
    except BrokenPipeError:
        # Nor is it one when Python flushes the stream at its exit.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, output.fileno())
        os.close(nowhere)


def refusals(command: Callable[[], int]) -> int:
    """Run a command; return its status, or 1 where it is refused or interrupted, and say so."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path may be no text
    try:
        return command()
    except RefusedError as error:
        say(str(error), sys.stderr)
    except KeyboardInterrupt:
        say("Interrupted: nothing was changed.", sys.stderr)
    return 1


def settings(converted: bool) -> list[str]:
    """The options of git that make its outcome the same on every machine."""
    chosen = SETTINGS if converted else SETTINGS | AS_THEY_ARE
    return [part for key, one in chosen.items() for part in ("-c", f"{key}={one}")]


def environment(variables: Mapping[str, str] | None) -> dict[str, str]:
    """The environment of git, with more variables."""
    kept = {name: one for name, one in os.environ.items() if name not in FOREIGN}
    # What is killed must leave no lock on the index: git takes one just to write down what it saw.
    ours = {"GIT_LITERAL_PATHSPECS": "1", "GIT_OPTIONAL_LOCKS": "0"}
    return {**kept, **ours, **(variables or {})}


def run_git(
    folder: Path,
    *arguments: str | Path,
    given: bytes | None = None,
    variables: Mapping[str, str] | None = None,
    alone: bool = False,
    converted: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder, whatever its outcome.

    Args:
        folder: The working directory.
        arguments: Of git.
        given: What git reads from its standard input.
        variables: Added to the environment.
        alone: Whether Ctrl-C must not reach it; then it cannot ask for a password, either.
        converted: Whether it works on the user's own files, whose line ends are those that their
            settings ask for.
    """
    return subprocess.run(
        ["git", *settings(converted), *map(str, arguments)],
        cwd=folder,
        env=environment(variables),
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
    converted: bool = False,
) -> str:
    """Return what git prints, without the last line break.

    Raises:
        RefusedError: Git failed.
    """
    done = run_git(
        folder, *arguments, given=given, variables=variables, alone=alone, converted=converted
    )
    if done.returncode:
        said = text(done.stderr or done.stdout).strip().splitlines()
        raise RefusedError(f"git {arguments[0]}: {said[0] if said else 'failed'}")
    return text(done.stdout).removesuffix("\n")


def own_path(folder: Path, name: str) -> Path:
    """The path of a file in git's own folder."""
    return Path(git(folder, "rev-parse", "--path-format=absolute", "--git-path", name))


def text(output: bytes) -> str:
    return os.fsdecode(output)


def lines_of(content: bytes) -> list[str]:
    """The lines of a text as git counts them, whatever else Python takes for the end of one.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    return [*io.StringIO(content.decode(), newline="\n")]


def paths(output: str) -> list[str]:
    """The paths that git prints with `-z`."""
    return [path for path in output.split("\0") if path]
