"""`make features`, `update`, `rename` and `setup` of a project, as they are typed."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter

from evolve.templates import RECORD, Template

from .conftest import Render
from .environment import ENVIRONMENT
from .small_template import commit, git
from .template import files
from .updating import VERSION, complete, content, is_clean, printed


@pytest.fixture
def project(render_again: Callable[..., Render]) -> Path:
    """A project as cookiecutter makes it, committed."""
    folder = render_again(auth=False).folder
    commit(folder)
    return folder


def made_from(published: Path, folder: Path) -> Path:
    """A project of a template at an address, committed."""
    options = {"no_input": True, "default_config": True, "output_dir": str(folder)}
    cookiecutter(str(published), extra_context={"auth": False}, **options)
    commit(folder / "my-service")
    return folder / "my-service"


def typed_make(
    project: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    command = ["make", *arguments]
    clean = {
        name: one for name, one in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    return subprocess.run(
        command,
        cwd=project,
        env=clean | variables,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_make_lists_and_updates_from_the_address_and_then_offline(published: Path, tmp_path: Path):
    project = made_from(published, tmp_path)
    listed = typed_make(project, "features")
    assert listed.returncode == 0, printed(listed)
    assert f"Made from {VERSION} of {published}\n" in listed.stdout
    assert re.search(r"^  tracing +no ", listed.stdout, re.MULTILINE)
    assert is_clean(project)

    offline = {"GIT_ALLOW_PROTOCOL": "none"}
    done = typed_make(project, "update", "SET=tracing=yes feedback=yes", **offline)
    assert done.returncode == 0, printed(done)
    assert re.search(r"^Taken: \d+ files$", done.stdout, re.MULTILINE)
    assert "cannot be reached" not in done.stderr
    whole = complete({"auth": False, "tracing": True, "feedback": True})
    gold = Template(published).render(whole, tmp_path / "gold")
    assert content(project) == files(gold)
    commit(project)

    again = typed_make(project, "update", **offline)
    assert again.returncode == 0, printed(again)
    assert "nothing newer is released" in again.stdout
    assert "cannot be reached" in again.stderr

    refused = typed_make(project, "update", "TO=v7.7.7")
    assert "The template has no version '7.7.7'." in refused.stderr
    assert "Error 1" in refused.stderr
    named = typed_make(project, "rename", """NAMES=project_name="L'Été à Nîmes" package_name=ete""")
    assert named.returncode == 0, printed(named)
    assert (project / "README.md").read_text().startswith("# L'Été à Nîmes\n")
    assert (project / "src/ete/app.py").is_file()


ODD = "Été à l'œuvre, (1) 50% $x"


def test_folders_have_any_name(published: Path, tmp_path: Path):
    project = made_from(published, tmp_path / ODD)
    template = tmp_path / f"template of {ODD}"
    shutil.copytree(published, template)
    typed = f"TEMPLATE=../../{template.name}".replace("$", "$$")
    done = typed_make(project, "update", "SET=tracing=yes", typed)
    assert done.returncode == 0, printed(done)
    gold = Template(published).render(complete({"auth": False, "tracing": True}), tmp_path / "gold")
    assert content(project) == files(gold)
    git(project, "reset", "--quiet", "--hard")
    for target in ("features", "update"):
        done = typed_make(project, target)
        assert done.returncode == 0, printed(done)
    assert (
        f"There is no folder {ODD}."
        in typed_make(project, "update", f"TEMPLATE={ODD}".replace("$", "$$")).stderr
    )
    assert (
        "/docs is no clone of a template" in typed_make(project, "update", "TEMPLATE=./docs").stderr
    )


def test_worktrees_and_folders_of_one_repository_share_a_clone(published: Path, tmp_path: Path):
    whole = tmp_path / "whole"
    made_from(published, whole)
    shutil.rmtree(whole / "my-service/.git")
    commit(whole)
    done = typed_make(whole / "my-service", "features")
    assert done.returncode == 0, printed(done)
    git(whole, "worktree", "add", "--quiet", "-b", "tree", "../the tree")
    offline = {"GIT_ALLOW_PROTOCOL": "none"}
    project = tmp_path / "the tree/my-service"
    done = typed_make(project, "update", "SET=tracing=yes", **offline)
    assert done.returncode == 0, printed(done)
    gold = Template(published).render(complete({"auth": False, "tracing": True}), tmp_path / "gold")
    assert files(project) == files(gold)
    assert is_clean(whole)


def test_a_clone_that_was_cut_short_is_made_anew(published: Path, tmp_path: Path):
    project = made_from(published, tmp_path)
    assert typed_make(project, "features").returncode == 0
    [clone] = (project / ".git").glob("template-*")
    shutil.rmtree(clone / "objects")
    with subprocess.Popen(["true"]) as ended:
        left = clone.rename(clone.with_name(f"{clone.name}.new.{ended.pid}"))
    done = typed_make(project, "features")
    assert done.returncode == 0, printed(done)
    assert clone.is_dir()
    assert not left.exists()


# As make in another worktree, while this one clones.
AT_ONCE = """\
#!/bin/sh
{git} "$@" || exit
case " $* " in *" clone "*)
    test -e "$0.once" || {{ touch "$0.once"; env -u MAKEFLAGS -u MAKELEVEL make features; }} ;;
esac
"""


def test_two_that_clone_at_once_leave_one_clone(published: Path, tmp_path: Path):
    project = made_from(published, tmp_path)
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    program.write_text(AT_ONCE.format(git=shutil.which("git")))
    program.chmod(0o755)
    done = typed_make(project, "features", PATH=f"{program.parent}:{os.environ['PATH']}")
    assert done.returncode == 0, printed(done)
    assert done.stdout.count(f"Made from {VERSION} of {published}\n") == 2
    [clone] = (project / ".git").glob("template-*")
    assert [*clone.glob("template-*")] == []


def test_two_addresses_have_a_clone_each(published: Path, tmp_path: Path):
    project = made_from(published, tmp_path)
    assert typed_make(project, "features").returncode == 0
    other = tmp_path / "other"
    shutil.copytree(published, other)
    git(other, "tag", "v9.9.9")
    record = project / RECORD
    record.write_text(record.read_text().replace(str(published), str(other)))
    done = typed_make(project, "features")
    assert f"Made from {VERSION} of {other}\n" in done.stdout
    assert "9.9.9 is there: make update\n" in done.stdout


def test_bare_repositories_are_used_where_git_wants_them_named(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project = made_from(published, tmp_path)
    (tmp_path / "gitconfig").write_text("[safe]\n\tbareRepository = explicit\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    done = typed_make(project, "update", "SET=tracing=yes")
    assert done.returncode == 0, printed(done)


def test_no_variable_of_the_makefile_is_assigned_twice(project: Path):
    text = (project / "Makefile").read_text()
    names = re.findall(r"^(?:export )?([A-Z_]+) *[:?+]?=", text, re.MULTILINE)
    assert "ADDRESS" in names
    assert sorted(names) == sorted(set(names))
    shown = typed_make(project, "--dry-run", "serve", "SYNCED=", "ENV_FILE=")
    assert "--address ''" in shown.stdout, printed(shown)


def test_a_template_that_cannot_be_fetched_is_one_sentence(project: Path):
    done = typed_make(project, "update", GIT_ALLOW_PROTOCOL="none")
    assert done.returncode == 2  # of make
    assert "The template cannot be fetched, see git's message above" in done.stderr
    assert "Error 1\n" in done.stderr
    assert is_clean(project)


def test_make_says_what_is_missing(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    assert "There is no folder nowhere" in typed_make(project, "update", "TEMPLATE=nowhere").stderr
    (project / RECORD).unlink()
    assert "There is no .template.json here" in typed_make(project, "update").stderr
    shutil.rmtree(project / ".git")
    assert "The project is in no git repository" in typed_make(project, "features").stderr


@pytest.mark.parametrize(
    ("address", "indent"),
    [("x'; touch pwned; '", 2), ("$(touch pwned)", 4), ("--upload-pack=x", None)],
)
def test_an_address_is_never_a_command(address: str, indent: int | None, project: Path):
    path = project / RECORD
    record = json.loads(path.read_text()) | {"template": address}
    path.write_text(json.dumps(record, indent=indent))
    done = typed_make(project, "features")
    assert not (project / "pwned").exists()
    assert f"fatal: repository '{address}' does not exist" in done.stderr, printed(done)
    (project / "x';>pwned;'").mkdir()
    typed_make(project, "update", "TEMPLATE=x';>pwned;'")
    assert not (project / "pwned").exists()


def test_setup_adds_to_the_settings_what_came_later(project: Path, published: Path):
    built = (f"VENV={ENVIRONMENT}", "SYNCED=")
    variables = {"PYTHONPATH": str(project / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    assert typed_make(project, "setup", *built, **variables).returncode == 0
    env = project / ".env"
    before = env.read_text() + "# mine\nAPI_MAX_BODY_BYTES=7\n"
    env.write_text(before)
    done = typed_make(project, "update", "SET=auth=yes", f"TEMPLATE={published}")
    assert "Missing in .env: AUTH_SECRETS (make setup adds it)" in done.stdout, printed(done)
    done = typed_make(project, "setup", *built, **variables)
    assert "Added to .env: AUTH_SECRETS." in done.stdout, printed(done)
    assert "The user local has the password" in done.stdout
    after = env.read_text()
    assert after.startswith(before)
    assert re.search(r"(?m)^AUTH_SECRETS=.{32,}$", after)
    again = typed_make(project, "setup", *built, **variables)
    assert (again.returncode, env.read_text()) == (0, after)
