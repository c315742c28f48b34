"""What cannot be updated is one sentence, and leaves the project as it was."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evolve import commands
from evolve.git import RefusedError
from evolve.templates import RECORD

from .answers import BARE
from .small_template import commit, git
from .updating import DEFAULT, VERSION, content, is_clean, made


def uncommitted(project: Path) -> None:
    (project / "README.md").write_text("mine\n")


def half_merged(project: Path) -> None:
    git(project, "checkout", "--quiet", "-b", "other")
    git(project, "commit", "--quiet", "--allow-empty", "--message=Other")
    git(project, "checkout", "--quiet", "main")
    git(project, "merge", "--quiet", "--no-ff", "--no-commit", "other")


def not_in_git(project: Path) -> None:
    shutil.rmtree(project / ".git")


def empty_repository(project: Path) -> None:
    not_in_git(project)
    git(project, "init", "--quiet")


def without_a_record(project: Path) -> None:
    (project / RECORD).unlink()
    commit(project)


def record_not_committed(project: Path) -> None:
    git(project, "rm", "--quiet", "--cached", RECORD)
    git(project, "commit", "--quiet", "--message=Without it")


def edited_answers(project: Path) -> None:
    path = project / RECORD
    path.write_text(path.read_text().replace('"tracing": false', '"tracing": true'))
    commit(project)


def broken_record(project: Path) -> None:
    (project / RECORD).write_text("{")
    commit(project)


def number_in_the_record(project: Path) -> None:
    record = json.loads((project / RECORD).read_text())
    record["cookiecutter"]["author_name"] = 7
    (project / RECORD).write_text(json.dumps(record))
    commit(project)


def lacking_record(project: Path) -> None:
    record = json.loads((project / RECORD).read_text())
    del record["cookiecutter"]["auth"]
    (project / RECORD).write_text(json.dumps(record))
    commit(project)


def edited_kit(project: Path) -> None:
    path = project / "src/servekit/__init__.py"
    path.write_text(path.read_text() + "\nMINE = True\n")
    commit(project)


def in_the_way(project: Path) -> None:
    (project / "docs/how-to/tracing.md").write_text("mine\n")


def nothing(_: Path) -> None:
    """Leave the project as it is."""


REFUSED: dict[str, tuple[Callable[[Path], None], list[str], str]] = {
    "uncommitted": (uncommitted, [], "There are changes that are not committed"),
    "half merged": (half_merged, [], "A merge is not concluded"),
    "no git": (not_in_git, [], "The project is in no git repository"),
    "no commit": (empty_repository, [], "Nothing is committed yet"),
    "no record": (without_a_record, [], "There is no .template.json here"),
    "record not committed": (record_not_committed, [], ".template.json is not committed"),
    "edited record": (edited_answers, [], "does not make this project of the answers"),
    "broken record": (broken_record, [], ".template.json cannot be read"),
    "number in the record": (number_in_the_record, [], ".template.json cannot be read"),
    "record that lacks an answer": (lacking_record, [], "There is no answer to auth"),
    "edited kit": (edited_kit, [], "src/servekit was edited, and an update replaces it"),
    "untracked file": (in_the_way, [], "docs/how-to/tracing.md is not in git"),
    "no such version": (nothing, ["9.9.9"], "The template has no version '9.9.9'."),
    "no such answer": (nothing, [VERSION, "tracing=maybe"], "tracing may be yes or no"),
    "no such option": (nothing, [VERSION, "ci=jenkins"], "ci may be github, gitlab or none"),
    "no such prompt": (nothing, [VERSION, "gpu=yes"], "'gpu=yes' is not PROMPT=ANSWER"),
    "a name": (nothing, [VERSION, "package_name=a"], "package_name is a name: use `make rename"),
    "both cannot be": (nothing, [VERSION, "composition=yes", "sample=none"], "composition needs"),
}


@pytest.fixture
def small_project(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project as it was made, committed; no repository above it is taken for its own."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    project = made(clone, DEFAULT, tmp_path / "project")
    commit(project)
    return project


@pytest.mark.parametrize(("spoil", "arguments", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_one_sentence_and_changes_nothing(
    spoil: Callable[[Path], None],
    arguments: list[str],
    reason: str,
    clone: Path,
    small_project: Path,
):
    spoil(small_project)
    before = content(small_project)
    to, *change = arguments or [VERSION, "tracing=yes"]
    with pytest.raises(RefusedError, match=re.escape(reason)) as refused:
        commands.update(small_project, clone, to, change)
    assert "\n" not in str(refused.value)
    assert content(small_project) == before


def test_an_edited_kit_is_undone_as_the_refusal_says(
    clone: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    project = made(clone, DEFAULT, tmp_path / "project")
    commit(project)
    git(project, "config", "diff.noprefix", "true")
    # As in a hook of another repository.
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    edited_kit(project)
    with pytest.raises(RefusedError) as refused:
        commands.update(project, clone, VERSION, ["tracing=yes"])
    assert "+MINE = True" in capfd.readouterr().out
    [command] = re.findall("`(git .*?)`", str(refused.value))
    monkeypatch.undo()
    subprocess.run(command, shell=True, check=True, cwd=project)
    commit(project)
    assert commands.update(project, clone, VERSION, ["tracing=yes"]).merge.conflicts == {}


@pytest.mark.parametrize(
    "names",
    [["package_name=class"], ["project_slug=../x"], ["project_name="], [], ["cache=no"], ["x"]],
)
def test_a_name_that_cannot_be_is_refused(names: list[str], clone: Path, tmp_path: Path):
    project = made(clone, BARE, tmp_path / "project")
    commit(project)
    with pytest.raises(RefusedError):
        commands.rename(project, clone, VERSION, names)
    assert is_clean(project)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("my_service.md", "babel_fish.md"),
        ("my_service", "babel_fish/notes.md"),
        ("my_service/notes.md", "babel_fish"),
    ],
)
def test_a_rename_over_another_file_is_refused(old: str, new: str, clone: Path, tmp_path: Path):
    project = made(clone, BARE, tmp_path / "project")
    for path in (old, new):
        own = project / "docs" / path
        own.parent.mkdir(exist_ok=True)
        own.write_text(path)
    commit(project)
    with pytest.raises(
        RefusedError, match=r"docs/babel_fish\S* and docs/my_service\S* would"
    ) as no:
        commands.rename(project, clone, VERSION, ["package_name=babel_fish"])
    assert "\n" not in str(no.value)
    assert is_clean(project)
