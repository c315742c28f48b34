"""Updates to a newer version, and from the commits before the first release."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from evolve import commands
from evolve.__main__ import Clone, wanted
from evolve.git import RefusedError
from evolve.report import shown
from evolve.templates import RECORD, Answers, Template, checked_out
from scripts.export import ROOT

from .answers import ALL, CONFIG
from .small_template import commit, git
from .team import Team
from .template import files
from .updating import DEFAULT, VERSION, assert_meant, changed, complete, content, is_clean, made


@pytest.fixture
def newer(clone: Path, tmp_path: Path) -> Path:
    """The template with a next version: prompts, a setting, a file and texts are others."""
    folder = tmp_path / "newer"
    shutil.copytree(clone, folder)
    project = folder / "{{cookiecutter.project_slug}}"
    asked = {"caching" if name == "cache" else name: one for name, one in CONFIG.items()}
    prompts = CONFIG["__prompts__"] | {"echo": "Echo?", "caching": "Caching?", "gpu": "GPU?"}
    owned = {
        condition.replace("cache", "caching"): paths
        for condition, paths in CONFIG["_features"].items()
    }
    new = {"echo": True, "gpu": ["nvidia", "none"], "__prompts__": prompts, "_version": "9.1.0"}
    owned |= {"echo": ["docs/how-to/echo.md"], "gpu=nvidia": ["docs/how-to/gpu.md"]}
    config = asked | new | {"_features": owned}
    (folder / "cookiecutter.json").write_text(json.dumps(config))
    for path in project.rglob("*"):
        if path.is_file() and b"cookiecutter.cache" in path.read_bytes():
            text = path.read_text().replace("cookiecutter.cache", "cookiecutter.caching")
            path.write_text(text)
    for page in ("echo", "gpu"):
        (project / f"docs/how-to/{page}.md").write_text(f"# {page}\n")
    env = project / ".env.example"
    env.write_text(env.read_text().replace("BATCHER_MAX_ITEMS", "BATCHER_LARGEST"))
    kit = project / "src/servekit/__init__.py"
    kit.write_text(kit.read_text() + "\nNEWER = True\n")
    readme = project / "README.md"
    readme.write_text(readme.read_text().replace("Quick start", "Quickest start"))
    rows = {"prompts": {"cache": "caching"}, "settings": {"BATCHER_MAX_ITEMS": "BATCHER_LARGEST"}}
    (folder / "upgrades.json").write_text(json.dumps({"9.0.0": rows}))
    changelog = folder / "CHANGELOG.md"
    section = "## [9.0.0] - 2030-01-01\n\n### When you update\n\n- Stop it first.\n\n"
    changelog.write_text(changelog.read_text().replace("## [1", section + "## [1", 1))
    commit(folder, "v9.1.0")
    return folder


def test_a_newer_version_brings_nothing_unasked(newer: Path, clone: Path, tmp_path: Path):
    project = made(clone, DEFAULT, tmp_path / "project")
    Team(project, "my_service").edit()
    commit(project)
    (project / ".env").write_text("BATCHER_MAX_ITEMS=7\nAUTH_SECRETS=mine\n")
    report = commands.update(project, newer, "9.1.0")
    assert report.merge.conflicts == {}
    assert report.declined == ["echo=yes", "gpu=nvidia"]
    assert report.renamed == {"BATCHER_MAX_ITEMS": "BATCHER_LARGEST"}
    assert "RATE_LIMIT_MODELS" in report.missing
    assert report.notes == ["9.0.0:\n- Stop it first."]
    record = json.loads((project / RECORD).read_text())
    assert (record["version"], record["cookiecutter"]["caching"]) == ("9.1.0", True)
    assert (record["cookiecutter"]["echo"], record["cookiecutter"]["gpu"]) == (False, "none")
    assert not (project / "docs/how-to/echo.md").exists()
    assert (project / "src/servekit/features/cache").is_dir()
    assert "NEWER" in (project / "src/servekit/__init__.py").read_text()
    readme = (project / "README.md").read_text()
    assert "Quickest start" in readme
    assert "Letters counted." in readme
    said = shown(report)
    assert "New, and declined: echo (make update SET='echo=yes')" in said
    assert "When you update, 9.0.0:\n- Stop it first." in said


def test_a_file_that_the_team_removed_stays_removed(newer: Path, clone: Path, tmp_path: Path):
    project = made(clone, DEFAULT, tmp_path / "project")
    (project / "README.md").unlink()
    commit(project)
    report = commands.update(project, newer, "9.1.0")
    assert report.merge.removed == ["README.md"]
    assert not (project / "README.md").exists()
    assert "Stays removed: README.md" in shown(report)


def test_a_line_that_both_changed_is_a_conflict(newer: Path, clone: Path, tmp_path: Path):
    project = made(clone, DEFAULT, tmp_path / "project")
    readme = project / "README.md"
    readme.write_text(readme.read_text().replace("Quick start", "Our own start"))
    commit(project)
    report = commands.update(project, newer, "9.1.0")
    assert changed(report) == {"README.md"}
    text = readme.read_text()
    ours, base, theirs = (f"## {one} start\n" for one in ("Our own", "Quick", "Quickest"))
    assert f"<<<<<<< yours\n{ours}||||||| before\n{base}=======\n{theirs}>>>>>>> template\n" in text
    assert git(project, "ls-files", "--unmerged").count("README.md") == 3
    git(project, "reset", "--hard", "--quiet")
    assert is_clean(project)


def test_updates_one_by_one_are_one_update(newer: Path, clone: Path, tmp_path: Path):
    for name in ("at once", "one by one"):
        project = made(clone, DEFAULT, tmp_path / name)
        Team(project, "my_service").edit()
        commit(project)
    at_once, one_by_one = tmp_path / "at once", tmp_path / "one by one"
    commands.update(at_once, newer, "9.1.0", ["tracing=yes", "echo=yes"])
    for change in ([], ["tracing=yes"], ["echo=yes"]):
        commands.update(one_by_one, newer, "9.1.0", change)
        commit(one_by_one)
    assert content(one_by_one) == content(at_once)


def test_the_address_of_a_fork_is_kept(newer: Path, clone: Path, tmp_path: Path):
    project = made(clone, DEFAULT, tmp_path / "project")
    record = project / RECORD
    record.write_text(record.read_text().replace(CONFIG["_home"], "ssh://fork"))
    commit(project)
    assert commands.update(project, newer, "9.1.0").merge.conflicts == {}
    assert json.loads(record.read_text())["template"] == "ssh://fork"
    again = json.dumps(json.loads(record.read_text()), indent=2, ensure_ascii=False)
    assert record.read_text() == f"{again}\n"


WANTED: dict[str, tuple[str, dict[str, str], str | None]] = {
    "newest": ("update", {}, "9.1.0"),
    "this one": ("update", {"TO": f"v{VERSION}"}, VERSION),
    "a branch": ("update", {"TO": "main"}, "main"),
    "other answers": ("update", {"SET": "cache=no"}, VERSION),
    "both": ("update", {"SET": "cache=no", "TO": "9.1.0"}, "9.1.0"),
    "other answers of a commit": ("update", {"SET": "cache=no", "FROM": "main"}, "main"),
    "names": ("rename", {}, VERSION),
    "a list": ("features", {}, VERSION),
}


@pytest.mark.parametrize(("command", "typed", "version"), WANTED.values(), ids=WANTED)
def test_the_version_that_is_wanted_is_chosen(
    command: str,
    typed: dict[str, str],
    version: str | None,
    newer: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    for name in ("TO", "SET", "FROM"):
        monkeypatch.setenv(name, typed.get(name, ""))
    assert wanted(command, Clone(newer, own=True), VERSION) == version


def test_nothing_newer_and_nothing_released_are_said(newer: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("TO", "SET", "FROM"):
        monkeypatch.delenv(name, raising=False)
    clone = Clone(newer, own=True)
    assert wanted("update", clone, "9.1.0") is None
    git(newer, "tag", "--delete", "v9.1.0", f"v{VERSION}")
    with pytest.raises(RefusedError, match="made from: say FROM= and its commit"):
        wanted("update", clone, VERSION)
    monkeypatch.setenv("FROM", "main")
    with pytest.raises(RefusedError, match="no release yet"):
        wanted("update", clone, VERSION)


LANDED = {
    "9b6b4b6": "Check an operator's settings by the wiring",
    "6d91f00": "Refuse pickles by name",
    "3f91b12": "Wait in a browser test",
    "4341cc4": "Answer 503 within a second",
    "b367158": "Measure features one by one",
}
"""Commits from before the first release, oldest first."""


@pytest.mark.parametrize("asked", [DEFAULT, ALL], ids=["default", "all"])
@pytest.mark.parametrize("landed", LANDED)
def test_an_edited_project_of_before_the_first_release_is_updated(
    landed: str, asked: Answers, published: Path, tmp_path: Path
):
    if subprocess.run(["git", "cat-file", "-e", landed], cwd=ROOT, check=False).returncode:
        pytest.skip("The clone is shallow: `git fetch --unshallow` brings the history.")
    clone = tmp_path / "clone"
    # What stands in the working tree is the tag of this version.
    git(tmp_path, "clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(clone))
    git(clone, "fetch", "--quiet", str(published), "tag", f"v{VERSION}")
    old = checked_out(clone, landed, tmp_path / "old")
    answers = {key: one for key, one in complete(asked).items() if key in old.prompts}
    project = old.render(answers, tmp_path / "project")
    record = {"template": str(published), "version": landed, "cookiecutter": answers}
    record["made"] = str(Template(published).fingerprint(project))
    (project / RECORD).write_text(json.dumps(record))
    before = files(project)
    edited = Team(project, "my_service").edit()
    written = {path: added(before.get(path, b""), text) for path, text in files(project).items()}
    commit(project)
    report = commands.update(project, clone, VERSION)
    # Were there any, the changelog would announce them: "When you update".
    assert report.merge.conflicts == {}
    result = content(project)
    lost = {path: lines - {*result[path].splitlines()} for path, lines in written.items() if lines}
    assert {path: lines for path, lines in lost.items() if lines} == {}
    carried, _ = Template(published).carried(answers, "0.0.0")
    fresh = Template(published).render(carried, tmp_path / "fresh")
    Team(fresh, "my_service").edit()
    gold = files(fresh)
    same = {path for path in gold if result.get(path) == gold[path]}
    assert gold.keys() - same <= edited
    assert_meant(result)


def added(before: bytes, after: bytes) -> set[bytes]:
    """The lines that one text has and another lacks."""
    return {*after.splitlines()} - {*before.splitlines()}
