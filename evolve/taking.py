"""Puts a merge into the index and the working tree, and puts back what was cut short there.

All of it is done by one process that Ctrl-C does not reach and that outlives the command. Should
that be killed, or the machine stop, a note in git's own folder says what it was about. As long as
it is at work it holds a lock, also when the command was killed.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from .git import RefusedError, environment, git, own_path, paths, run_git, settings, text

NOTE = "evolve.json"
LOCK = "evolve.lock"
# As git does it: the next index is made in the lock, which then takes the place of the index.
TAKE = """\
set -e
git "$@" update-index -q --refresh || true
git "$@" read-tree -m -u HEAD "$TREE"
git "$@" update-index -z --index-info
mv -f "$GIT_INDEX_FILE" "$INDEX"
rm -f "$NOTE"
"""

Stages = Mapping[int, str]


class Change(NamedTuple):
    """A file that a merge changes: its objects before and after, None where there is no file."""

    path: Path
    before: bytes | None
    after: bytes | None


def take(top: Path, tree: str, conflicts: Mapping[str, Stages]) -> None:
    """Put a merge into the index and the working tree, where it can be looked at.

    Args:
        top: The working tree of the repository.
        tree: What it becomes.
        conflicts: Sides by path.

    Raises:
        RefusedError: A file that git does not know is in the way, or git failed.
    """
    for path in paths(git(top, *_compared("--name-only", "--diff-filter=A"), tree)):
        for place in (path, *map(str, PurePosixPath(path).parents[:-1])):
            if _is_in_the_way(top, place, is_folder=place != path):
                raise RefusedError(f"{place} is not in git and would be overwritten: move it away.")
    none = "0" * len(tree)
    lines = [
        line
        for path, stages in conflicts.items()
        for line in (
            f"0 {none}\t{path}\0",
            *(f"{entry} {side}\t{path}\0" for side, entry in sorted(stages.items())),
        )
    ]
    with _alone(top) as held:
        _take(top, tree, os.fsencode("".join(lines)), held)


def _is_in_the_way(top: Path, path: str, is_folder: bool) -> bool:
    """Whether something that git does not know is where a new file, or a folder, has to be."""
    there = top / path
    if not os.path.lexists(there) or (is_folder and there.is_dir() and not there.is_symlink()):
        return False
    known = ("ls-files", "--error-unmatch", "--", path)
    return not is_folder or bool(run_git(top, *known).returncode)


def _compared(*options: str) -> tuple[str, ...]:
    return ("diff-tree", "-r", "-z", *options, "HEAD")


@contextmanager
def _alone(top: Path) -> Iterator[int]:
    """Hold a lock that dies with the last process that has its descriptor.

    Raises:
        RefusedError: Another process holds it.
    """
    with own_path(top, LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedError("An update is still at work here: try again in a moment.") from None
        yield file.fileno()


def _take(top: Path, tree: str, stages: bytes, held: int) -> None:
    note, index, lock = (own_path(top, name) for name in (NOTE, "index", "index.lock"))
    try:
        content = index.read_bytes()
        _write(note, {"head": git(top, "rev-parse", "HEAD"), "tree": tree})
        _lock(lock, content)
    except FileExistsError:
        note.unlink()
        raise RefusedError(f"Another git is at work here, or was killed: {lock} is its.") from None
    except OSError as error:
        note.unlink(missing_ok=True)
        raise RefusedError(f"The index of git cannot be copied: {error}.") from None
    named = {"TREE": tree, "INDEX": str(index), "NOTE": str(note), "GIT_INDEX_FILE": str(lock)}
    done = subprocess.run(
        ["sh", "-c", TAKE, "sh", *settings(converted=True), "-c", "core.splitIndex=false"],
        cwd=top,
        env=environment(named),
        input=stages,
        capture_output=True,
        check=False,
        start_new_session=True,
        pass_fds=[held],
    )
    if done.returncode:
        _put_back(top, note)
        said = text(done.stderr or done.stdout).strip().splitlines()
        raise RefusedError(f"git read-tree: {said[0] if said else 'failed'}")


def _lock(lock: Path, content: bytes) -> None:
    """Make the lock of the index, whole or not at all.

    Raises:
        OSError: It is there already (FileExistsError), or cannot be written.
    """
    with lock.open("xb") as file:
        try:
            file.write(content)
            file.flush()
            shutil.copymode(lock.with_suffix(""), lock)
        except OSError:
            lock.unlink()
            raise


def _write(note: Path, said: Mapping[str, str]) -> None:
    whole = note.with_suffix(".new")
    whole.write_text(json.dumps(said), encoding="utf-8")
    whole.replace(note)


def put_back(top: Path) -> None:
    """Make the working tree what is committed, where a merge was cut short.

    Nothing is touched in which there is a file that neither the merge nor a commit has written.

    Raises:
        RefusedError: The merge is still being written.
    """
    note = own_path(top, NOTE)
    if note.exists():
        with _alone(top):
            _put_back(top, note)


def _put_back(top: Path, note: Path) -> None:
    if not note.exists():  # it has come to its end meanwhile
        return
    said = json.loads(note.read_text(encoding="utf-8"))
    is_half = not run_git(top, "diff-index", "--cached", "--quiet", "HEAD").returncode
    if is_half and git(top, "rev-parse", "HEAD") == said["head"]:
        for name in ("index.lock", "index.lock.lock"):
            own_path(top, name).unlink(missing_ok=True)
        changes = [*_changes(top, said["tree"])]
        if all(map(_is_ours, changes)):
            _restore(top, changes)
    note.unlink()


def _changes(top: Path, tree: str) -> Iterator[Change]:
    """What a merge changes in HEAD."""
    listed = git(top, *_compared(), tree).split("\0")
    for entry, path in zip(listed[:-1:2], listed[1::2], strict=True):
        _, _, before, after, _ = entry.split()
        contents = (
            run_git(top, "cat-file", "blob", one).stdout if one.strip("0") else None
            for one in (before, after)
        )
        yield Change(top / path, *contents)


def _is_ours(change: Change) -> bool:
    """Whether a file is as it was before or after, or is not written to its end."""
    if not os.path.lexists(change.path):
        return True
    if change.path.is_symlink():
        content = os.fsencode(change.path.readlink())
    elif change.path.is_file():
        content = change.path.read_bytes()
    else:
        return False
    sides = [one for one in (change.before, change.after) if one is not None]
    return any(one.startswith(content) or _lines(one).startswith(_lines(content)) for one in sides)


def _lines(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").removesuffix(b"\r")


def _restore(top: Path, changes: list[Change]) -> None:
    for change in changes:
        if change.before is None:
            with suppress(FileNotFoundError, NotADirectoryError):
                change.path.unlink()
            _remove_empty(change.path.parent, top)
    kept = [change.path.relative_to(top) for change in changes if change.before is not None]
    given = b"".join(os.fsencode(path) + b"\0" for path in kept)
    git(
        top,
        *("checkout-index", "--force", "-z", "--stdin"),
        given=given,
        alone=True,
        converted=True,
    )


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


STOPPING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore what would stop the last step halfway: it takes a fraction of a second."""
    before = {one: signal.signal(one, signal.SIG_IGN) for one in STOPPING}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
