"""Projects whose hash no release makes: from between two of them, and of two merged branches."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evolve import commands
from evolve.git import RefusedError
from evolve.templates import RECORD, Template
from scripts.export import ROOT

from .answers import BARE
from .small_template import changed_config, commit, git
from .team import Team
from .template import files
from .updating import DEFAULT, VERSION, complete, content, edited_files, is_clean, made, printed

STEPS = ("Two", "Four", "Five")


@pytest.fixture
def between(clone: Path, tmp_path: Path) -> Path:
    """The template with some commits after its release, and with a newer one."""
    folder = tmp_path / "between"
    shutil.copytree(clone, folder)
    project = folder / "{{cookiecutter.project_slug}}"
    for before, after in zip(("Quick", *STEPS), STEPS, strict=False):
        for path in ("README.md", "src/servekit/__init__.py"):
            text = (project / path).read_text()
            there = text.replace(f"## {before} start", f"## {after} start")
            (project / path).write_text(there if path == "README.md" else f"{text}# {after}\n")
        commit(folder, f"after-{after}")
    (project / "docs/how-to/newest.md").write_text("# Newest\n")
    changed_config(folder, _version="9.1.0")
    commit(folder, "v9.1.0")
    return folder


def at(between: Path, tag: str, folder: Path) -> Path:
    """The template as it was at a tag."""
    git(between, "worktree", "add", "--quiet", "--detach", str(folder), tag)
    return folder


def typed(project: Path, clone: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run what the project's Makefile does."""
    named = {"TO": "", "SET": "", "FROM": "", "TEMPLATE": str(clone), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-P", "-m", "evolve", "update", str(clone)],
        cwd=project,
        env=os.environ | named | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("steps", STEPS)
def test_a_project_from_between_releases_finds_its_commit(
    steps: str, between: Path, tmp_path: Path
):
    there = at(between, f"after-{steps}", tmp_path / "there")
    project = made(there, DEFAULT, tmp_path / "project")
    old = files(project)
    Team(project, "my_service").edit()
    commit(project)
    done = typed(project, between, SET="tracing=yes")
    assert done.returncode == 0, printed(done)
    found = git(between, "rev-parse", f"after-{steps}")[:12]
    assert f"The project was made from {found}.\n" in done.stderr
    fresh = made(there, DEFAULT | {"tracing": True}, tmp_path / "fresh")
    assert content(project) == edited_files(fresh, old)
    commit(project)
    done = typed(project, between)
    assert done.returncode == 0, printed(done)
    newest = made(between, DEFAULT | {"tracing": True}, tmp_path / "newest")
    assert content(project) == edited_files(newest, old)


def test_a_project_of_a_version_without_a_tag_finds_its_commit(between: Path, tmp_path: Path):
    there = at(between, "after-Four", tmp_path / "there")
    git(between, "tag", "--delete", f"v{VERSION}", "v9.1.0")
    project = made(there, BARE, tmp_path / "project")
    commit(project)
    done = typed(project, between, SET="tracing=yes")
    assert done.returncode == 0, printed(done)
    assert content(project) == files(made(there, BARE | {"tracing": True}, tmp_path / "fresh"))


def test_a_commit_that_is_named_is_taken(between: Path, tmp_path: Path):
    there = at(between, "after-Four", tmp_path / "there")
    project = made(there, BARE, tmp_path / "project")
    commit(project)
    with pytest.raises(
        RefusedError, match="do not fit src/servekit: undo an edit of it, or say FROM="
    ):
        commands.update(project, between, VERSION, ["cache=yes"])
    assert is_clean(project)
    commands.update(project, between, "after-Four", ["cache=yes"], base="after-Four")
    assert content(project) == files(made(there, BARE | {"cache": True}, tmp_path / "fresh"))


def test_two_branches_that_each_changed_an_answer_are_updated(between: Path, tmp_path: Path):
    clone = at(between, f"v{VERSION}", tmp_path / "clone")
    for kept in ("ours", "theirs"):
        project = made(clone, DEFAULT, tmp_path / kept)
        old = files(project)
        Team(project, "my_service").edit()
        commit(project)
        for name in ("tracing", "cache"):
            git(project, "checkout", "--quiet", "-b", name, "main")
            change = f"{name}={'no' if name == 'cache' else 'yes'}"
            commands.update(project, clone, VERSION, [change])
            commit(project)
        git(project, "merge", "--quiet", "--no-edit", f"--strategy-option={kept}", "tracing")
        record = json.loads((project / RECORD).read_text())
        answers = DEFAULT | {"tracing": True, "cache": False}
        assert record["cookiecutter"] == complete(answers)
        assert record["made"] != Template(clone).fingerprint(
            made(clone, answers, tmp_path / f"r{kept}")
        )
        done = typed(project, between)
        assert done.returncode == 0, printed(done)
        assert "looking for" not in done.stderr
        newest = made(between, answers, tmp_path / f"newest {kept}")
        assert content(project) == edited_files(newest, old)


WRONG = {
    "tracing": "tracing (docs/how-to/tracing.md)",
    "ci": "ci=github (.github/dependabot.yml)",
    "package_name": "src/babel_fish",
}


@pytest.mark.parametrize("name", WRONG)
def test_answers_that_a_project_does_not_fit_are_named(name: str, clone: Path, tmp_path: Path):
    project = made(clone, BARE | {"ci": "github"}, tmp_path / "project")
    path = project / RECORD
    record = json.loads(path.read_text())
    record["cookiecutter"][name] = {"tracing": True, "ci": "gitlab"}.get(name, "babel_fish")
    path.write_text(json.dumps(record))
    commit(project)
    with pytest.raises(RefusedError, match=re.escape(f"which do not fit {WRONG[name]}: undo")):
        commands.update(project, clone, VERSION, ["cache=yes"])
    assert is_clean(project)
