"""A rename changes what names the project, in a team's own files too, and nothing else."""

from pathlib import Path

import pytest

from evolve import commands
from evolve.git import RefusedError
from evolve.report import shown
from evolve.templates import Template

from .answers import ALL, BARE
from .small_template import commit, git
from .team import Team
from .template import files
from .updating import DEFAULT, VERSION, complete, content, is_clean, made

BABEL = {"project_name": "Babel Fish", "project_slug": "babel-fish", "package_name": "babel_fish"}


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


def test_stored_models_are_as_they_were_after_a_rename(clone: Path, tmp_path: Path):
    project = made(clone, BARE, tmp_path / "project")
    version = project / "model_store/my_service/1"
    version.mkdir(parents=True)
    (version / "golden.jsonl").write_text('{"text": "my_service"}\n')
    (project / "docs/my_service.md").write_text("my_service\n")
    commit(project)
    commands.rename(project, clone, VERSION, ["package_name=babel_fish"])
    assert (version / "golden.jsonl").read_text() == '{"text": "my_service"}\n'
    assert (project / "docs/babel_fish.md").read_text() == "babel_fish\n"


def made_as(clone: Path, folder: Path, slug: str, package: str) -> Path:
    """A project of these names that a team has edited."""
    answers = complete(DEFAULT | {"project_slug": slug, "package_name": package})
    Team(Template(clone).render(answers, folder), package).edit()
    return folder


MODULE = """\
import {0}.app
from {0} import features
from sqlalchemy.dialects import oracle as db
APP = {0}.app
MODEL = "{0}.models.churn:Churn"
KIND = "oracle"
AWAY = db.oracle.app
"""
PAGE = "Ask the oracle: python -m {0}, in src/{0}, or {0}.features.\n"
OTHERS = {
    "tests/data/answers.csv": "question,oracle\noracle.app,1\n",
    "deploy/databases.yaml": "kind: oracle\nimage: oracle:19\n",
    "oracle/oracle.txt": "oracle\n",
}


def speaking(package: str) -> dict[str, str]:
    own = {f"src/{package}/own.py": MODULE, "docs/delphi.md": PAGE}
    return {path: text.format(package) for path, text in own.items()}


@pytest.mark.parametrize("slug", ["oracle", "my-oracle"])
def test_a_name_of_one_word_is_replaced_where_it_is_the_package(
    slug: str, clone: Path, tmp_path: Path
):
    project = made_as(clone, tmp_path / "project", slug, "oracle")
    for path, text in {**speaking("oracle"), **OTHERS}.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)
    commit(project)
    report = commands.rename(
        project, clone, VERSION, ["project_slug=the-pythia", "package_name=pythia"]
    )
    assert report.merge.conflicts == {}
    gold = made_as(clone, tmp_path / "gold", "the-pythia", "pythia")
    named = speaking("pythia")
    own = {path: text.encode() for path, text in {**named, **OTHERS}.items()}
    assert content(project) == files(gold) | own
    assert named.keys() <= {*report.named}
    assert not {*report.named} & OTHERS.keys()
    assert {*report.kept} == own.keys()
    assert "An old name stays in: deploy/databases.yaml, docs/delphi.md, " in shown(report)


def test_a_word_that_the_template_has_too_is_left_alone(clone: Path, tmp_path: Path):
    project = made_as(clone, tmp_path / "project", "service", "service")
    compose = project / "compose.yaml"
    waits = "    depends_on: [service]\n"
    compose.write_text(compose.read_text().replace("  mailhog:\n", f"  mailhog:\n{waits}"))
    commit(project)
    report = commands.rename(project, clone, VERSION, ["project_slug=core", "package_name=core"])
    assert report.merge.conflicts == {}
    gold = made_as(clone, tmp_path / "gold", "core", "core")
    text = (gold / "compose.yaml").read_text().replace("  mailhog:\n", f"  mailhog:\n{waits}")
    (gold / "compose.yaml").write_text(text)
    assert content(project) == files(gold)


def test_names_inside_each_other_are_told_apart(clone: Path, tmp_path: Path):
    project = made_as(clone, tmp_path / "project", "app-core", "app")
    own = project / "docs/own.md"
    said = "app-core {} app_core app-core-two myapp-core {} app.core application\n"
    own.write_text(said.format("app-core", "src/app"))
    commit(project)
    names = ["project_slug=app-core-two", "package_name=app_core"]
    assert commands.rename(project, clone, VERSION, names).merge.conflicts == {}
    gold = made_as(clone, tmp_path / "gold", "app-core-two", "app_core")
    said = said.replace("app-core {}", "app-core-two {}", 1)
    (gold / "docs/own.md").write_text(said.format("app-core-two", "src/app_core"))
    assert content(project) == files(gold)


def test_a_new_name_may_be_the_other_old_one(clone: Path, tmp_path: Path):
    project = made_as(clone, tmp_path / "project", "svc2", "svc3")
    for name in ("svc2", "svc3"):
        (project / f"docs/{name}.md").write_text(f"The page of {name}.\n")
    commit(project)
    names = ["project_slug=svc3", "package_name=svc4"]
    assert commands.rename(project, clone, VERSION, names).merge.conflicts == {}
    gold = made_as(clone, tmp_path / "gold", "svc3", "svc4")
    for name in ("svc3", "svc4"):
        (gold / f"docs/{name}.md").write_text(f"The page of {name}.\n")
    assert content(project) == files(gold)


def test_links_lead_where_they_led(clone: Path, tmp_path: Path):
    project = made_as(clone, tmp_path / "project", "my-service", "my_service")
    links = {
        "app.py": "src/my_service/app.py",
        "src/my_service/settings.toml": "../../pyproject.toml",
        "src/my_service/again": "../my_service",
        "docs/my_service": "../src/my_service/",
        "away": "/opt/my_service",
        "outside": "../../my_service",
    }
    for path, target in links.items():
        (project / path).symlink_to(target)
    commit(project)
    commands.rename(project, clone, VERSION, ["package_name=babel"])
    led = {
        "app.py": "src/babel/app.py",
        "src/babel/settings.toml": "../../pyproject.toml",
        "docs/babel": "../src/babel",
        "away": "/opt/my_service",
    }
    assert {path: str((project / path).readlink()) for path in led} == led
    assert (project / "src/babel/again/features.py").is_file()
    assert not (project / "src/my_service").exists()
    assert is_clean(project) is False
    assert git(project, "ls-files", "--stage", "app.py").startswith("120000 ")


def with_submodule(project: Path, path: str, tmp_path: Path) -> None:
    protos = tmp_path / "my_service"
    protos.mkdir()
    (protos / "one.proto").write_text("package my_service;\n")
    commit(protos)
    git(
        project,
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        str(protos),
        path,
    )
    commit(project)


def test_submodules_stay_what_they_are(clone: Path, tmp_path: Path):
    project = made_as(clone, tmp_path / "project", "my-service", "my_service")
    commit(project)
    with_submodule(project, "protos", tmp_path)
    modules = (project / ".gitmodules").read_text()
    assert commands.rename(project, clone, VERSION, ["package_name=babel"]).merge.conflicts == {}
    assert (project / ".gitmodules").read_text() == modules
    assert (project / "protos/one.proto").read_text() == "package my_service;\n"
    git(project, "commit", "--quiet", "--message=Renamed")
    assert commands.update(project, clone, VERSION, ["tracing=yes"]).merge.conflicts == {}
    assert (project / "protos/one.proto").is_file()
    git(project, "commit", "--quiet", "--message=Updated")
    assert is_clean(project)


def test_a_submodule_with_the_name_is_moved_by_git(clone: Path, tmp_path: Path):
    project = made_as(clone, tmp_path / "project", "my-service", "my_service")
    commit(project)
    with_submodule(project, "libs/my_service", tmp_path)
    with pytest.raises(RefusedError, match="libs/my_service is a submodule: move it by git mv to"):
        commands.rename(project, clone, VERSION, ["package_name=babel"])
    assert is_clean(project)
