"""An update that is interrupted, killed or fails leaves a project as it was, or whole."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from evolve import commands
from evolve.git import RefusedError
from scripts.export import ROOT

from .answers import BARE
from .small_template import commit, git
from .template import files
from .updating import VERSION, Files, content, is_clean, made, printed

IN_PLACE = """\
#!/bin/sh
case " $* " in *" {moment}"*) {act} ;; esac
exec {program} "$@"
"""
COMMAND = 'export EVOLVE=$$; exec "$@"'
"""Says its own process to what it starts, and becomes the command."""

INTERRUPT = "kill -INT $EVOLVE $PPID; sleep 0.3"
KILL_BEFORE = "kill -KILL $EVOLVE $PPID $$"
KILL = f'{{program}} "$@"; {KILL_BEFORE}'
SPOIL = (
    "head -c 99 docs/how-to/tracing.md > half; mv half docs/how-to/tracing.md; "
    "rm README.md; : > pyproject.toml"
)
KILL_AMID = f'{{program}} "$@"; {SPOIL}; {KILL_BEFORE}'
KILL_AND_GO_ON = """\
kill -KILL $EVOLVE; touch "$0.waits"
for _ in $(seq 600); do test -e "$0.waits" || break; sleep 0.1; done"""
FAIL = '{program} "$@"; exit 1'


def path_with(folder: Path, program: str, moment: str, act: str) -> str:
    """The PATH on which a script takes the place of a program, and acts at a moment."""
    folder.mkdir()
    there = shutil.which(program)
    script = IN_PLACE.format(moment=moment, act=act.replace("{program}", str(there)), program=there)
    (folder / program).write_text(script)
    (folder / program).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Scene(NamedTuple):
    """A project to update.

    becomes: Its files afterwards.
    bin: A folder for programs in place of others.
    """

    project: Path
    clone: Path
    becomes: Files
    bin: Path

    def started(
        self, path: str = os.environ["PATH"], stdout: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        """An update that has begun."""
        command = [sys.executable, "-P", "-m", "evolve.commands", "update", self.clone, VERSION]
        variables = {"PATH": path, "PYTHONPATH": str(ROOT), "SET": "cache=yes tracing=yes"}
        return subprocess.Popen(
            ["sh", "-c", COMMAND, "sh", *map(str, command)],
            cwd=self.project,
            env=os.environ | variables,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )

    def update(self, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
        with self.started(path) as process:
            stdout, stderr = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def update_with(self, program: str, moment: str, act: str) -> subprocess.CompletedProcess[str]:
        """Update, and act when a program is started with some arguments."""
        return self.update(path_with(self.bin, program, moment, act))


@pytest.fixture
def scene(clone: Path, tmp_path: Path) -> Scene:
    project = made(clone, BARE, tmp_path / "project")
    (project / "own").mkdir()
    (project / "own/notes.md").write_text("ours\n")
    commit(project)
    fresh = files(made(clone, BARE | {"cache": True, "tracing": True}, tmp_path / "fresh"))
    return Scene(project, clone, {**fresh, "own/notes.md": b"ours\n"}, tmp_path / "bin")


@pytest.mark.parametrize(
    ("moment", "status"), [("merge-tree ", 1), ("write-tree ", 1), ("read-tree -m ", 0)]
)
def test_an_update_that_is_interrupted_is_whole_or_nothing(moment: str, status: int, scene: Scene):
    before = content(scene.project)
    done = scene.update_with("git", moment, INTERRUPT)
    assert done.returncode == status, printed(done)
    assert content(scene.project) == (before if status else scene.becomes)
    if status:
        assert done.stderr == "Interrupted: nothing was changed.\n"
        assert is_clean(scene.project)


STATUS = ("--no-optional-locks", "status", "--porcelain", "--untracked-files=no")


def test_a_report_is_printed_whatever_interrupts_it(scene: Scene):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    full = 0
    with suppress(BlockingIOError):
        while True:
            full += os.write(writer, b"x")
    os.set_blocking(writer, True)
    with scene.started(stdout=writer) as process, os.fdopen(reader, "rb") as output:
        os.close(writer)
        wait_until(lambda: git(scene.project, *STATUS) != "")
        wait_until(lambda: not (scene.project / ".git/evolve.json").exists())
        time.sleep(0.5)  # it waits for the reader now; if not yet, this test sees less
        process.send_signal(signal.SIGINT)
        report = output.read()[full:].decode()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 0
    assert report.startswith("Taken: ")
    assert content(scene.project) == scene.becomes


def test_an_update_whose_reader_has_gone_ends_quietly(scene: Scene):
    reader, writer = os.pipe()
    os.close(reader)
    with scene.started(stdout=writer) as process:
        os.close(writer)
        _, stderr = process.communicate()
    assert (process.returncode, stderr) == (0, "")
    assert content(scene.project) == scene.becomes


HALF = {
    "before": ("git", "merge-tree ", KILL),
    "at the start": ("git", "update-index -q ", KILL),
    "among the files": ("git", "read-tree -m ", KILL_AMID),
    "before the index": ("mv", "", KILL_BEFORE),
}


@pytest.mark.parametrize(("program", "moment", "act"), HALF.values(), ids=HALF)
def test_the_next_update_puts_back_what_one_that_was_killed_left(
    program: str, moment: str, act: str, scene: Scene
):
    done = scene.update_with(program, moment, act)
    assert done.returncode == -signal.SIGKILL, printed(done)
    again = scene.update()
    assert again.returncode == 0, printed(again)
    assert content(scene.project) == scene.becomes
    commit(scene.project)
    assert "Nothing changed." in scene.update().stdout


def test_an_update_that_is_killed_at_its_end_is_whole(scene: Scene):
    scene.update_with("mv", "", KILL)
    assert content(scene.project) == scene.becomes
    again = scene.update()
    assert "There are changes that are not committed" in again.stderr
    assert content(scene.project) == scene.becomes


def test_what_is_still_written_is_not_put_back(scene: Scene):
    done = scene.update_with("git", "read-tree -m ", KILL_AND_GO_ON)
    assert done.returncode == -signal.SIGKILL, printed(done)
    wait_until((scene.bin / "git.waits").exists)
    again = scene.update()
    (scene.bin / "git.waits").unlink()
    assert again.returncode == 1
    assert again.stderr == "An update is still at work here: try again in a moment.\n"
    wait_until(lambda: not (scene.project / ".git/evolve.json").exists())
    assert content(scene.project) == scene.becomes


def test_what_was_written_since_is_not_put_back(scene: Scene):
    scene.update_with("git", "read-tree -m ", KILL_AMID)
    (scene.project / "Makefile").write_text("ours\n")
    (scene.project / "own/notes.md").write_text("more\n")
    again = scene.update()
    assert "There are changes that are not committed" in again.stderr
    assert (scene.project / "Makefile").read_text() == "ours\n"
    assert (scene.project / "own/notes.md").read_text() == "more\n"
    git(scene.project, "reset", "--quiet", "--hard")


def test_files_beside_the_update_are_left_as_they_are(scene: Scene):
    scene.update_with("git", "read-tree -m ", KILL_AMID)
    (scene.project / "own/notes.md").write_text("more\n")
    again = scene.update()
    assert "There are changes that are not committed" in again.stderr
    assert git(scene.project, "status", "--porcelain") == " M own/notes.md\n"


def test_a_last_step_that_fails_is_undone(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    before = content(scene.project)
    monkeypatch.setenv("PATH", path_with(scene.bin, "git", "read-tree -m ", FAIL))
    with pytest.raises(RefusedError, match="git read-tree"):
        commands.update(scene.project, scene.clone, VERSION, ["cache=yes", "tracing=yes"])
    monkeypatch.undo()
    assert content(scene.project) == before
    assert is_clean(scene.project)


GROW = """\
{program} "$@"; cp .git/index .git/kept
ulimit -S -f unlimited; truncate -s 9M .git/index; exit 0"""


@pytest.mark.parametrize(
    "act", ["mv .git/index .git/kept", GROW], ids=["not read", "not written to its end"]
)
def test_an_index_that_cannot_be_copied_leaves_no_lock(
    act: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
):
    before = content(scene.project)
    moment = "diff-tree -r -z --name-only --diff-filter=A "
    monkeypatch.setenv("PATH", path_with(scene.bin, "git", moment, act))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 20, limits[1]))
    try:
        with pytest.raises(RefusedError, match="The index of git cannot be copied"):
            commands.update(scene.project, scene.clone, VERSION, ["cache=yes"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    monkeypatch.undo()
    (scene.project / ".git/kept").replace(scene.project / ".git/index")
    assert [*(scene.project / ".git").glob("*index.lock")] == []
    assert content(scene.project) == before
    assert commands.update(scene.project, scene.clone, VERSION, ["cache=yes"]).merge.taken


def test_the_lock_of_another_git_is_respected(scene: Scene):
    lock = scene.project / ".git/index.lock"
    lock.touch()
    before = content(scene.project)
    with pytest.raises(RefusedError, match="Another git is at work here"):
        commands.update(scene.project, scene.clone, VERSION, ["cache=yes"])
    assert content(scene.project) == before
    assert lock.exists()
    lock.unlink()
    assert commands.update(scene.project, scene.clone, VERSION, ["cache=yes"]).merge.conflicts == {}
