"""Updates of a project: whatever is flipped, renamed or newer, nothing of a team's is lost.

The measure is a project that was made as it is wanted and then edited: an update of an edited
project gives the same files, but for those that the team edited and now declines.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml
from cookiecutter.main import cookiecutter
from servekit.commands.scaffold.edits import distribution

from evolve import commands
from evolve.__main__ import Clone, wanted
from evolve.git import RefusedError
from evolve.report import Report, shown
from evolve.templates import RECORD, Answers, Template, checked_out
from scripts.export import ROOT, export

from .answers import ALL, BARE, CHOICES, CONFIG, FEATURES, LEAST, is_accepted, matrix
from .conftest import Render
from .environment import ENVIRONMENT
from .small_template import changed_config, commit, git, small_template
from .team import Team
from .template import files

VERSION = CONFIG["_version"]
NAMES = {
    "project_name": "My Service",
    "project_slug": "my-service",
    "package_name": "my_service",
    "description": "Answers from trained models, over HTTP.",
    "author_name": "Your Name",
    "author_email": "you@example.com",
}
DEFAULT: Answers = {
    **{name: CONFIG[name] for name in FEATURES},
    **{name: options[0] for name, options in CHOICES.items()},
}

Files = Mapping[str, bytes]


def complete(answers: Mapping[str, str | bool]) -> Answers:
    return {**NAMES, **DEFAULT, **answers}


def other(name: str) -> bool:
    return not DEFAULT[name]


CANDIDATES: dict[str, tuple[Answers, Answers]] = {
    **{f"{name} on": (LEAST, {name: True}) for name in FEATURES},
    **{f"{name} off": (ALL, {name: False}) for name in FEATURES},
    **{f"{name} flipped": (DEFAULT, {name: other(name)}) for name in FEATURES},
    **{f"{name} {one}": (ALL, {name: one}) for name, many in CHOICES.items() for one in many[1:]},
    **{f"{name} back": (ALL | {name: many[-1]}, {name: many[0]}) for name, many in CHOICES.items()},
    "everything on": (BARE, ALL),
    "everything off": (ALL, BARE),
    "without the sample": (DEFAULT, {"sample": "none", "ci": "gitlab", "docker": False}),
    "the sample later": (DEFAULT | {"sample": "none"}, {"sample": "language", "grpc": True}),
}
FLIPS = {
    name: (before, change)
    for name, (before, change) in CANDIDATES.items()
    if is_accepted(before) and is_accepted(before | change)
}
every_flip = pytest.mark.parametrize(("before", "change"), FLIPS.values(), ids=FLIPS)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_template(tmp_path_factory.mktemp("small") / "template")


def made(clone: Path, answers: Mapping[str, str | bool], folder: Path) -> Path:
    """The project of these answers, as this version makes it."""
    return Template(clone).render(complete(answers), folder)


def typed(change: Mapping[str, str | bool]) -> list[str]:
    return [
        f"{name}={answer if isinstance(answer, str) else ('no', 'yes')[answer]}"
        for name, answer in change.items()
    ]


def content(project: Path) -> Files:
    return {path: text for path, text in files(project).items() if not path.startswith(".git/")}


def is_clean(project: Path) -> bool:
    return git(project, "status", "--porcelain") == ""


def changed(report: Report) -> set[str]:
    return {path.removeprefix(report.prefix) for path in report.merge.conflicts}


@every_flip
def test_an_untouched_project_becomes_one_that_was_made_so(
    before: Answers, change: Answers, clone: Path, tmp_path: Path
):
    project = made(clone, before, tmp_path / "project")
    commit(project)
    report = commands.update(project, clone, VERSION, typed(change))
    assert report.merge.conflicts == {}
    assert report.merge.beside == []
    assert content(project) == files(made(clone, before | change, tmp_path / "fresh"))


@every_flip
def test_an_edited_project_keeps_all_that_its_team_wrote(
    before: Answers, change: Answers, clone: Path, tmp_path: Path
):
    project = made(clone, before, tmp_path / "project")
    old = files(project)
    edited = Team(project, "my_service").edit()
    commit(project)
    report = commands.update(project, clone, VERSION, typed(change))
    fresh = made(clone, before | change, tmp_path / "fresh")
    assert changed(report) == {path for path in edited & old.keys() if path not in files(fresh)}
    gold = edited_files(fresh, old)
    result = {path: text for path, text in content(project).items() if path not in changed(report)}
    assert sorted(result.keys() ^ gold.keys()) == []
    assert [path for path, text in result.items() if text != gold[path]] == []
    assert_meant(result)


def edited_files(fresh: Path, old: Files) -> Files:
    """What a fresh project becomes by the same edits; what was not there could not be edited."""
    new = files(fresh)
    Team(fresh, "my_service").edit()
    return {**files(fresh), **{path: new[path] for path in new.keys() - old.keys()}}


def assert_meant(result: Files) -> None:
    """What other programs read is still read as the team meant it."""
    facts = tomllib.loads(result["pyproject.toml"].decode())
    asked = facts["project"]["dependencies"]
    assert {"pandas>=3,<4", "xgboost>=3,<4"} <= {*asked}
    assert asked == sorted(asked, key=distribution)
    serve = yaml.safe_load(result["serve.yaml"])
    assert serve["applications"][0]["deployments"][-1]["name"] == "churn"
    if b"mailhog" in result.get("compose.yaml", b""):
        compose = yaml.safe_load(result["compose.yaml"])
        assert {"service", "mailhog"} <= compose["services"].keys()
        assert "mailhog" not in (compose.get("volumes") or {})


@pytest.mark.parametrize("name", matrix())
def test_a_render_without_cookiecutter_is_the_same(
    name: str, template: Path, render: Callable[..., Render], tmp_path: Path
):
    project = render(**matrix()[name])
    asked = {key: one for key, one in project.answers.items() if not key.startswith("_")}
    ours = Template(template).render(dict(asked), tmp_path / "ours")  # pyright: ignore[reportArgumentType]
    assert files(ours) == files(project.folder)
    assert modes(ours) == modes(project.folder)


def modes(folder: Path) -> dict[str, int]:
    return {path: (folder / path).stat().st_mode & 0o777 for path in files(folder)}


# ---- other names

BABEL = {"project_name": "Babel Fish", "project_slug": "babel-fish", "package_name": "babel_fish"}


def renamed_by_hand(project: Path) -> Files:
    """What a team would have written under the other names."""
    return {
        path.replace("my_service", "babel_fish"): text.replace(
            b"my_service", b"babel_fish"
        ).replace(b"my-service", b"babel-fish")
        for path, text in content(project).items()
    }


def test_a_rename_is_a_project_of_that_name_with_the_same_edits(clone: Path, tmp_path: Path):
    answers = complete(ALL)
    project = made(clone, ALL, tmp_path / "project")
    Team(project, "my_service").edit()
    own = project / "docs/my-service.md"
    own.write_text("my-service and my_service, in my-services and on.my_service\n")
    commit(project)
    named = [f"{name}={text}" for name, text in BABEL.items()]
    report = commands.rename(project, clone, VERSION, named)
    assert report.merge.conflicts == {}
    gold = Template(clone).render(answers | BABEL, tmp_path / "gold")
    Team(gold, "babel_fish").edit()
    (gold / "docs/babel-fish.md").write_text(
        "babel-fish and babel_fish, in my-services and on.babel_fish\n"
    )
    assert content(project) == files(gold)
    # And it goes on from there.
    commit(project)
    report = commands.update(project, clone, VERSION, ["cache=no"])
    assert report.merge.conflicts == {}
    fresh = Template(clone).render(answers | BABEL | {"cache": False}, tmp_path / "without")
    Team(fresh, "babel_fish").edit()
    (fresh / "docs/babel-fish.md").write_bytes((gold / "docs/babel-fish.md").read_bytes())
    assert content(project) == files(fresh)


def test_a_name_of_one_word_is_the_package_in_python_alone(clone: Path, tmp_path: Path):
    old = complete(DEFAULT | {"project_slug": "oracle", "package_name": "oracle"})
    project = Template(clone).render(old, tmp_path / "project")
    (project / "src/oracle/own.py").write_text("from oracle.app import app\n")
    (project / "own.md").write_text("oracle\n")
    commit(project)
    commands.rename(project, clone, VERSION, ["project_slug=babel-fish", "package_name=babel_fish"])
    assert (project / "src/babel_fish/own.py").read_text() == "from babel_fish.app import app\n"
    assert (project / "own.md").read_text() == "babel-fish\n"
    assert not (project / "src/oracle").exists()


# ---- a newer version


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
    readme.write_text(readme.read_text().replace("Three commands to", "Three steps to"))
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
    assert "Three steps to" in readme
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
    readme.write_text(readme.read_text().replace("Three commands to", "Our commands to"))
    commit(project)
    report = commands.update(project, newer, "9.1.0")
    assert changed(report) == {"README.md"}
    text = readme.read_text()
    ours, base, theirs = (
        f"## {one} to an answer\n" for one in ("Our commands", "Three commands", "Three steps")
    )
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


@pytest.fixture
def between(clone: Path, tmp_path: Path) -> Path:
    """The template some commits after its release, with the same version."""
    folder = tmp_path / "between"
    shutil.copytree(clone, folder)
    readme = folder / "{{cookiecutter.project_slug}}/README.md"
    readme.write_text(readme.read_text().replace("Three commands to", "Two commands to"))
    commit(folder)
    return folder


def test_a_project_from_between_releases_names_its_commit(between: Path, tmp_path: Path):
    project = made(between, BARE, tmp_path / "project")
    commit(project)
    with pytest.raises(RefusedError, match="say FROM= and the commit"):
        commands.update(project, between, VERSION, ["cache=yes"])
    assert is_clean(project)
    commands.update(project, between, "main", ["cache=yes"], base="main")
    assert content(project) == files(made(between, BARE | {"cache": True}, tmp_path / "fresh"))


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


# ---- where projects are


def test_a_project_in_a_folder_of_a_repository_is_updated_alone(clone: Path, tmp_path: Path):
    whole = tmp_path / "whole"
    project = made(clone, BARE, whole / "services/first")
    old = files(project)
    Team(project, "my_service").edit()
    (whole / "other.txt").write_text("my_service\n")
    commit(whole)
    report = commands.update(project, clone, VERSION, ["tracing=yes", "sample=language"])
    fresh = made(clone, BARE | {"tracing": True, "sample": "language"}, tmp_path / "fresh")
    assert report.merge.conflicts == {}
    assert files(project) == edited_files(fresh, old)
    commit(whole)
    commands.rename(project, clone, VERSION, ["package_name=babel_fish"])
    assert (project / "src/babel_fish/features.py").is_file()
    assert (whole / "other.txt").read_text() == "my_service\n"


def test_data_that_a_declined_feature_leaves_is_named(clone: Path, tmp_path: Path):
    project = made(clone, ALL, tmp_path / "project")
    commit(project)
    report = commands.update(project, clone, VERSION, ["feedback=no"])
    [sentence] = report.data
    assert "~/.local/share/my-service/feedback.db" in sentence
    assert sentence in shown(report)


# ---- what is refused


def uncommitted(project: Path) -> None:
    (project / "README.md").write_text("mine\n")


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
    "no git": (not_in_git, [], "The project is in no git repository"),
    "no commit": (empty_repository, [], "Nothing is committed yet"),
    "no record": (without_a_record, [], "There is no .template.json here"),
    "record not committed": (record_not_committed, [], ".template.json is not committed"),
    "edited record": (edited_answers, [], "does not make this project of the answers"),
    "broken record": (broken_record, [], ".template.json cannot be read"),
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
    clone: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    project = made(clone, DEFAULT, tmp_path / "project")
    commit(project)
    edited_kit(project)
    with pytest.raises(RefusedError) as refused:
        commands.update(project, clone, VERSION, ["tracing=yes"])
    assert "+MINE = True" in capfd.readouterr().out
    [command] = re.findall("`(git .*?)`", str(refused.value))
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


INTERRUPTING = """\
#!/bin/sh
case " $* " in *" {}"*) kill -INT $PPID; sleep 0.3;; esac
exec {} "$@"
"""


@pytest.mark.parametrize(
    ("moment", "status"), [("merge-tree ", 1), ("write-tree ", 1), ("read-tree -m ", 0)]
)
def test_an_update_that_is_interrupted_is_whole_or_nothing(
    moment: str, status: int, clone: Path, tmp_path: Path
):
    project = made(clone, BARE, tmp_path / "project")
    commit(project)
    before = content(project)
    program = shutil.which("git")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text(INTERRUPTING.format(moment, program))
    (tmp_path / "bin/git").chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "evolve.commands", "update", clone, VERSION],
        cwd=project,
        env=os.environ
        | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        | {"SET": "cache=yes"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert done.returncode == status, done.stdout + done.stderr
    fresh = files(made(clone, BARE | {"cache": True}, tmp_path / "fresh"))
    assert content(project) == (before if status else fresh)
    if status:
        assert done.stderr == "Interrupted: nothing was changed.\n"
        assert is_clean(project)


# ---- as it is typed


@pytest.fixture
def project(render_again: Callable[..., Render]) -> Path:
    """A project as cookiecutter makes it, committed."""
    folder = render_again(auth=False).folder
    commit(folder)
    return folder


@pytest.fixture(scope="module")
def published(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole template in a repository, with a tag, and with the repository as its address."""
    folder = tmp_path_factory.mktemp("published") / "template"
    shutil.copytree(template, folder)
    changed_config(folder, _home=str(folder))
    commit(folder, f"v{VERSION}")
    return folder


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


def said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def test_make_lists_and_updates_from_the_address_and_then_offline(published: Path, tmp_path: Path):
    cookiecutter(
        str(published),
        no_input=True,
        extra_context=dict.fromkeys(["auth"], False),
        output_dir=str(tmp_path),
        default_config=True,
    )
    project = tmp_path / "my-service"
    commit(project)
    listed = typed_make(project, "features")
    assert listed.returncode == 0, said(listed)
    assert f"Made from {VERSION} of {published}\n" in listed.stdout
    assert re.search(r"^  tracing +no ", listed.stdout, re.MULTILINE)
    assert is_clean(project)

    offline = {"GIT_ALLOW_PROTOCOL": "none"}
    done = typed_make(project, "update", "SET=tracing=yes feedback=yes", **offline)
    assert done.returncode == 0, said(done)
    assert re.search(r"^Taken: \d+ files$", done.stdout, re.MULTILINE)
    assert "cannot be reached" not in done.stderr
    whole = complete({"auth": False, "tracing": True, "feedback": True})
    gold = Template(published).render(whole, tmp_path / "gold")
    assert content(project) == files(gold)
    commit(project)

    again = typed_make(project, "update", **offline)
    assert again.returncode == 0, said(again)
    assert "nothing newer is released" in again.stdout
    assert "cannot be reached" in again.stderr

    refused = typed_make(project, "update", "TO=v7.7.7")
    assert "The template has no version '7.7.7'." in refused.stderr
    assert "Error 1" in refused.stderr
    named = typed_make(project, "rename", """NAMES=project_name="L'Été à Nîmes" package_name=ete""")
    assert named.returncode == 0, said(named)
    assert (project / "README.md").read_text().startswith("# L'Été à Nîmes\n")
    assert (project / "src/ete/app.py").is_file()


def test_make_says_what_is_missing(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    assert "There is no folder nowhere" in typed_make(project, "update", "TEMPLATE=nowhere").stderr
    (project / RECORD).unlink()
    assert "There is no .template.json here" in typed_make(project, "update").stderr
    shutil.rmtree(project / ".git")
    assert "The project is in no git repository" in typed_make(project, "features").stderr


def test_setup_adds_to_the_settings_what_came_later(project: Path, published: Path):
    built = (f"VENV={ENVIRONMENT}", "SYNCED=")
    variables = {"PYTHONPATH": str(project / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    assert typed_make(project, "setup", *built, **variables).returncode == 0
    env = project / ".env"
    before = env.read_text() + "# mine\nAPI_MAX_BODY_BYTES=7\n"
    env.write_text(before)
    done = typed_make(project, "update", "SET=auth=yes", f"TEMPLATE={published}")
    assert "Missing in .env: AUTH_SECRETS (make setup adds it)" in done.stdout, said(done)
    done = typed_make(project, "setup", *built, **variables)
    assert "Added to .env: AUTH_SECRETS." in done.stdout, said(done)
    assert "The user local has the password" in done.stdout
    after = env.read_text()
    assert after.startswith(before)
    assert re.search(r"(?m)^AUTH_SECRETS=.{32,}$", after)
    again = typed_make(project, "setup", *built, **variables)
    assert (again.returncode, env.read_text()) == (0, after)


# ---- the record


def test_the_record_says_what_a_project_was_made_from(render: Callable[..., Render]):
    project = render(**ALL)
    record = json.loads((project.folder / RECORD).read_text(encoding="utf-8"))
    assert [*record] == ["template", "version", "made", "cookiecutter"]
    assert (record["template"], record["version"]) == (CONFIG["_home"], VERSION)
    asked = {key: one for key, one in project.answers.items() if not key.startswith("_")}
    assert record["cookiecutter"] == asked
    assert [*record["cookiecutter"]] == sorted(asked)
    assert str(project.folder) not in (project.folder / RECORD).read_text(encoding="utf-8")


def replay(template: Path, saved: Path, into: Path) -> subprocess.CompletedProcess[str]:
    home = into / "home"
    home.mkdir(parents=True)
    command = [sys.executable, "-m", "cookiecutter", template, "--replay-file", saved]
    return subprocess.run(
        [*map(str, command), "--output-dir", str(into / "made")],
        env=os.environ | {"HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_cookiecutter_replays_the_record(
    template: Path, render: Callable[..., Render], tmp_path: Path
):
    project = render(**ALL | {"project_name": "L'Été <R&D>"})
    saved = tmp_path / "saved.json"
    shutil.copy(project.folder / RECORD, saved)
    done = replay(template, saved, tmp_path)
    assert done.returncode == 0, said(done)
    [again] = (tmp_path / "made").iterdir()
    assert files(again) == files(project.folder)


def test_cookiecutter_replays_no_other_versions_manifest(template: Path, tmp_path: Path):
    made = cookiecutter(
        str(template),
        no_input=True,
        output_dir=str(tmp_path / "before"),
        config_file=str(_replays_in(tmp_path)),
    )
    assert made
    saved = tmp_path / "replays" / f"{template.name}.json"
    newer = export(tmp_path / template.name)
    folder = newer / "{{cookiecutter.project_slug}}"
    (folder / "docs/how-to/echo.md").write_text("# Echo\n")
    owned = CONFIG["_features"] | {"tracing & cache": ["docs/how-to/echo.md"]}
    changed_config(newer, _features=owned)
    done = replay(newer, saved, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("These answers were saved with another version of the template")
    assert done.stderr.count("\n") == 1
    assert not any((tmp_path / "made").glob("*"))


def _replays_in(folder: Path) -> Path:
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({"replay_dir": str(folder / "replays")}))
    return config


# ---- from the history of this repository

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
    record = {"template": "", "version": landed, "cookiecutter": answers}
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
