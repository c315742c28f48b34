"""Updates of projects with files as nobody expects them lose nothing, and say what they leave."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evolve import commands
from evolve.git import RefusedError
from evolve.report import Report, settings_to_mend, shown
from scripts.export import ROOT

from .small_template import changed_config, commit, git
from .team import Team
from .template import files
from .updating import DEFAULT, VERSION, changed, content, edited_files, is_clean, made, printed

README, COMPOSE = "README.md", "compose.yaml"


@pytest.fixture
def project(clone: Path, tmp_path: Path) -> Path:
    folder = made(clone, DEFAULT, tmp_path / "project")
    commit(folder)
    return folder


@pytest.fixture
def update(project: Path, clone: Path) -> Callable[..., Report]:
    """Commits what was edited, and updates."""

    def updated(*typed: str) -> Report:
        commit(project)
        return commands.update(project, clone, VERSION, typed)

    return updated


def test_lines_end_where_git_says(clone: Path, tmp_path: Path):
    # Python also ends a line at each of these.
    odd = "# A\x0bB\x0cC\x1cD\x85E\u2028F\n"
    change = ["feedback=yes", "tracing=yes", "cache=no"]
    answers = DEFAULT | {"feedback": True, "tracing": True, "cache": False}
    project, fresh = tmp_path / "project", tmp_path / "fresh"
    old = files(made(clone, DEFAULT, project))
    gold = dict(edited_files(made(clone, answers, fresh), old))
    Team(project, "my_service").edit()
    paths = [path for path in (".env.example", COMPOSE, "pyproject.toml") if path in gold]
    for path in paths:
        file = project / path
        file.write_bytes(odd.encode() + file.read_bytes())
        gold[path] = odd.encode() + gold[path]
    commit(project)
    report = commands.update(project, clone, VERSION, change)
    assert {*report.merge.beside} & {*paths}
    assert report.merge.conflicts == {}
    assert content(project) == gold


NAMES = [
    b"caf\xe9 my_service.md",
    b"tab\there.my_service",
    b"new\nline my_service.md",
    b"- my_service.md",
    b":(exclude)my_service.md",
    b"quo\"te's.my_service.md",
]


def test_files_have_any_name(project: Path, clone: Path):
    for name in NAMES:
        Path(os.fsdecode(bytes(project) + b"/" + name)).write_text("my_service\n")
    commit(project)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "evolve.commands", "rename", clone, VERSION],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT), "NAMES": "package_name=babel"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, printed(done)
    assert "caf\\udce9 my_service.md" not in done.stdout
    assert "caf\\udce9 babel.md" in done.stdout
    renamed = [name.replace(b"my_service", b"babel") for name in NAMES]
    texts = [Path(os.fsdecode(bytes(project) + b"/" + name)).read_text() for name in renamed]
    assert {*texts} == {"babel\n"}
    commit(project)
    assert commands.update(project, clone, VERSION, ["tracing=yes"]).merge.conflicts == {}


def test_a_file_that_was_moved_is_updated_where_it_is(
    project: Path, update: Callable[..., Report], clone: Path, tmp_path: Path
):
    (project / COMPOSE).rename(project / "deploy/compose.yml")
    assert update("feedback=yes").merge.conflicts == {}
    fresh = made(clone, DEFAULT | {"feedback": True}, tmp_path / "fresh")
    assert (project / "deploy/compose.yml").read_bytes() == (fresh / COMPOSE).read_bytes()
    assert not (project / COMPOSE).exists()


def test_a_link_in_place_of_a_file_is_a_conflict_at_its_path(
    project: Path, update: Callable[..., Report]
):
    (project / README).rename(project / "READ.md")
    (project / README).symlink_to("READ.md")
    before = (project / "READ.md").read_text()
    report = update("tracing=yes")
    assert changed(report) == {README}
    assert report.merge.removed == []
    assert str((project / README).readlink()) == "READ.md"
    assert (project / "READ.md").read_text() == before
    assert not [path for path in content(project) if "~" in path]
    git(project, "add", README)
    git(project, "commit", "--quiet", "--message=As it is")


def test_a_folder_in_place_of_a_file_stays(project: Path, update: Callable[..., Report]):
    (project / README).unlink()
    (project / README).mkdir()
    (project / README / "one.md").write_text("ours\n")
    report = update("tracing=yes")
    assert report.merge.conflicts == {}
    assert report.merge.removed == [README]
    assert (project / README / "one.md").read_text() == "ours\n"


def test_a_link_in_place_of_a_folder_is_kept_beside_it(
    project: Path, update: Callable[..., Report]
):
    shutil.rmtree(project / "docs")
    (project / "docs").symlink_to("src")
    report = update("tracing=yes")
    [path] = changed(report)
    assert str((project / path).readlink()) == "src"
    assert f"Conflict: {path} (yours, where a folder has to be)" in shown(report)


@pytest.mark.parametrize("way", ["deploy/kubernetes", "deploy/kubernetes/base/kustomization.yaml"])
def test_what_is_in_the_way_of_a_new_folder_is_refused(way: str, project: Path, clone: Path):
    (project / way).parent.mkdir(parents=True, exist_ok=True)
    (project / way).write_text("mine\n")
    before = content(project)
    with pytest.raises(RefusedError, match=f"^{way} is not in git and would be overwritten"):
        commands.update(project, clone, VERSION, ["kubernetes=yes"])
    assert content(project) == before


def test_a_file_that_a_newer_version_makes_a_folder_is_replaced(
    project: Path, clone: Path, tmp_path: Path
):
    newer = tmp_path / "newer"
    shutil.copytree(clone, newer)
    env = newer / "{{cookiecutter.project_slug}}/deploy/serve.env"
    text = env.read_text()
    env.unlink()
    env.mkdir()
    (env / "fast").write_text(text)
    changed_config(newer, _version="9.1.0")
    commit(newer, "v9.1.0")
    assert commands.update(project, newer, "9.1.0").merge.conflicts == {}
    assert (project / "deploy/serve.env/fast").is_file()


@pytest.mark.parametrize("bit", ["--assume-unchanged", "--skip-worktree"])
def test_edits_that_git_was_told_to_overlook_are_kept(bit: str, project: Path, clone: Path):
    git(project, "update-index", bit, README)
    (project / README).write_text("mine\n")
    before = content(project)
    with pytest.raises(RefusedError, match=f"Entry '{README}' not uptodate"):
        commands.update(project, clone, VERSION, ["tracing=yes"])
    assert content(project) == before


def test_a_sparse_checkout_is_updated_as_a_whole(project: Path, clone: Path, tmp_path: Path):
    git(project, "sparse-checkout", "set", "src")
    assert commands.update(project, clone, VERSION, ["tracing=yes"]).merge.conflicts == {}
    git(project, "sparse-checkout", "disable")
    fresh = made(clone, DEFAULT | {"tracing": True}, tmp_path / "fresh")
    assert content(project) == files(fresh)


def test_modes_are_merged_as_contents_are(project: Path, clone: Path, tmp_path: Path):
    newer = tmp_path / "newer"
    shutil.copytree(clone, newer)
    folder = newer / "{{cookiecutter.project_slug}}"
    (folder / "Makefile").chmod(0o755)
    for path in ("Makefile", ".env.example"):
        (folder / path).write_text("# First of all.\n" + (folder / path).read_text())
        (project / path).write_text("# Ours.\n" + (project / path).read_text())
    (project / ".env.example").chmod(0o755)
    changed_config(newer, _version="9.1.0")
    commit(newer, "v9.1.0")
    commit(project)
    report = commands.update(project, newer, "9.1.0")
    assert report.merge.beside == [".env.example", "Makefile"]
    for path in report.merge.beside:
        assert (project / path).stat().st_mode & 0o111
        assert (project / path).read_text().startswith("# First of all.\n# Ours.\n")


def test_a_requirement_that_both_have_is_a_conflict(project: Path, update: Callable[..., Report]):
    facts = project / "pyproject.toml"
    own = 'dependencies = [\n    "SQLAlchemy>=2.1",\n'
    facts.write_text(facts.read_text().replace("dependencies = [\n", own, 1))
    report = update("feedback=yes")
    assert changed(report) == {"pyproject.toml"}
    assert "pyproject.toml (sqlalchemy would be there twice)" in shown(report)


def test_two_answers_to_one_prompt_are_refused(project: Path, clone: Path):
    with pytest.raises(RefusedError, match="cache has two answers"):
        commands.update(project, clone, VERSION, ["cache=yes", "cache=no"])
    assert is_clean(project)


def test_settings_are_found_however_they_are_written(tmp_path: Path):
    env, example = tmp_path / ".env", tmp_path / ".env.example"
    example.write_text("A=\nB=\nC=\nD=\nE=\nF=\n")
    env.write_text("\ufeffA=1\n  B = 2\r\nexport C=3\n#  export D =4\nNO_E=5\n")
    assert settings_to_mend(env, example, []) == (["E", "F"], {})
