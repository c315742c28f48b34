"""An update is the same whatever git is told by a machine, and wherever the repository is."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evolve import commands
from evolve.templates import Answers, Template

from .answers import CONFIG
from .small_template import changed_config, commit, git
from .team import Team
from .template import files
from .updating import DEFAULT, VERSION, Files, changed, complete, edited_files, made, typed

PREFERRED = """\
[color]
\tui = always
[commit]
\tgpgSign = true
[core]
\tattributesFile = {folder}/attributes
\tautocrlf = true
\teol = crlf
\tfileMode = false
\thooksPath = {folder}/hooks
\tsafecrlf = true
\tsplitIndex = true
[diff]
\talgorithm = patience
\tcontext = 9
\texternal = false
\tignoreSubmodules = all
\tindentHeuristic = false
\tinterHunkContext = 50
\tmnemonicPrefix = true
\trenames = false
[grep]
\tfullName = true
\tlineNumber = true
\tpatternType = perl
[merge]
\tconflictStyle = zdiff3
\tdefault = union
\tdirectoryRenames = false
\trenameLimit = 1
\trenames = false
\trenormalize = true
[rerere]
\tautoUpdate = true
\tenabled = true
[safe]
\tbareRepository = explicit
[submodule]
\trecurse = true
"""
HOOKS = ("post-index-change", "pre-commit", "post-checkout", "reference-transaction")


@pytest.fixture
def preferred(tmp_path: Path) -> str:
    """Settings of git that change what it shows, converts, merges and runs."""
    hooks = tmp_path / "preferred/hooks"
    hooks.mkdir(parents=True)
    for name in HOOKS:
        (hooks / name).write_text("#!/bin/sh\ntouch pwned\nexit 1\n")
        (hooks / name).chmod(0o755)
    (tmp_path / "preferred/attributes").write_text("*.md merge=binary -text\n*.py merge=union\n")
    return PREFERRED.format(folder=tmp_path / "preferred")


@pytest.fixture(params=["machine", "repository"])
def prefer(
    request: pytest.FixtureRequest, preferred: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], None]:
    """Tells git these settings, where its user or where a repository has them."""

    def told(project: Path) -> None:
        path = project / ".git/config" if request.param == "repository" else tmp_path / "gitconfig"
        with path.open("a") as file:
            file.write(preferred)
        if request.param == "machine":
            monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(path))

    return told


def staged(project: Path, folder: Path) -> Files:
    """What git would commit, without what it converts for the working tree."""
    plain = ("-c", "core.autocrlf=false", "-c", "core.hooksPath=")
    git(project, *plain, "checkout-index", "--all", f"--prefix={folder}/")
    return files(folder)


def moved(clone: Path, folder: Path) -> Path:
    """The template with a next version, in which a page has moved and has one more line."""
    shutil.copytree(clone, folder)
    pages = folder / "{{cookiecutter.project_slug}}/docs/how-to"
    text = (pages / "websockets.md").read_text()
    (pages / "websockets.md").unlink()
    (pages / "sockets.md").write_text(f"{text}\nThe last line.\n")
    owned = json.loads(json.dumps(CONFIG["_features"]).replace("to/websockets", "to/sockets"))
    changed_config(folder, _features=owned, _version="9.1.0")
    commit(folder, "v9.1.0")
    return folder


def test_an_update_is_what_it_is_whatever_git_prefers(
    prefer: Callable[[Path], None], clone: Path, tmp_path: Path
):
    newer = moved(clone, tmp_path / "newer")
    change: Answers = {"feedback": True, "tracing": True, "cache": False}
    project = made(clone, DEFAULT, tmp_path / "project")
    old = files(project)
    Team(project, "my_service").edit()
    page = project / "docs/how-to/websockets.md"
    page.write_text(page.read_text().replace("\n", "\nOur own line.\n", 1))
    commit(project)
    prefer(project)
    report = commands.update(project, newer, "9.1.0", typed(change))
    assert report.merge.conflicts == {}
    gold = {**edited_files(made(newer, DEFAULT | change, tmp_path / "fresh"), old)}
    page = "docs/how-to/sockets.md"
    gold[page] = gold[page].replace(b"\n", b"\nOur own line.\n", 1)
    assert staged(project, tmp_path / "staged") == gold


def test_a_rename_is_what_it_is_whatever_git_prefers(
    prefer: Callable[[Path], None], clone: Path, tmp_path: Path
):
    project = made(clone, DEFAULT, tmp_path / "project")
    Team(project, "my_service").edit()
    commit(project)
    prefer(project)
    assert commands.rename(project, clone, VERSION, ["package_name=babel"]).merge.conflicts == {}
    gold = Template(clone).render(complete({"package_name": "babel"}), tmp_path / "gold")
    Team(gold, "babel").edit()
    assert staged(project, tmp_path / "staged") == files(gold)
    assert [*tmp_path.rglob("pwned")] == []


def test_line_ends_of_a_team_are_no_changes(clone: Path, tmp_path: Path):
    project = made(clone, DEFAULT, tmp_path / "project")
    commit(project)
    git(project, "config", "core.autocrlf", "true")
    readme = project / "README.md"
    readme.unlink()
    git(project, "checkout", "--", "README.md")
    assert readme.read_bytes().count(b"\r\n") > 9
    os.utime(readme, (1, 1))
    report = commands.update(project, clone, VERSION, ["tracing=yes"])
    assert report.merge.conflicts == {}
    assert b"\r\n" in (project / "docs/how-to/tracing.md").read_bytes()
    assert "\r" not in git(project, "show", ":docs/how-to/tracing.md")


def test_modes_of_new_files_are_those_of_the_template(clone: Path, tmp_path: Path):
    newer = tmp_path / "newer"
    shutil.copytree(clone, newer)
    script = newer / "{{cookiecutter.project_slug}}/deploy/roll-out.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    changed_config(newer, _version="9.1.0")
    commit(newer, "v9.1.0")
    project = made(clone, DEFAULT, tmp_path / "project")
    commit(project)
    git(project, "config", "core.fileMode", "false")
    commands.update(project, newer, "9.1.0")
    assert git(project, "ls-files", "--stage", "deploy/roll-out.sh").startswith("100755 ")


def test_a_repository_of_other_hashes_is_updated(clone: Path, tmp_path: Path):
    project = made(clone, DEFAULT, tmp_path / "project")
    git(project, "init", "--quiet", "--initial-branch=main", "--object-format=sha256")
    (project / "Dockerfile").write_text("FROM scratch\n")
    commit(project)
    report = commands.update(project, clone, VERSION, ["tracing=yes", "docker=no"])
    assert changed(report) == {"Dockerfile"}
    assert git(project, "ls-files", "--unmerged").count("Dockerfile") == 2
