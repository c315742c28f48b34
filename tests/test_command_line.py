"""The real command line, in an empty home, as its user sees it."""

import json
import os
import re
import subprocess
import sys
import tomllib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from dotenv import dotenv_values
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .answers import ALL, BARE, PRESETS, UNUSUAL, Answers
from .distributions import asked_for, read
from .template import files

Done = subprocess.CompletedProcess[str]


def cookiecutter(template: Path, folder: Path, *arguments: str) -> Done:
    return run(template, folder, "--no-input", *arguments)


def run(template: Path, folder: Path, *arguments: str) -> Done:
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "cookiecutter", str(template), *arguments]
    environment = os.environ | {"HOME": str(home), "USERPROFILE": str(home)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


REFUSED = [
    "project_name=",
    "project_name=   ",
    "project_name=🚀",
    "project_name=Ray",
    "project_name=Json",
    "project_name=" + "x" * 81,
    'project_name=Say "hi"',
    "project_name=a\\b",
    "project_name=a`b",
    "project_name=a\nb",
    "project_name=a\x1b[31mb",
    "description=two\nlines",
    "description=" + "x" * 201,
    'author_name="""; import os',
    "author_name=\udcff",
    "author_email=nobody",
    "project_slug=",
    "project_slug=Up",
    "project_slug=a/b/c",
    "project_slug=../../elsewhere",
    "project_slug=../a/../b/../c",
    "project_slug=import-linter",
    "package_name=",
    "package_name=class",
    "package_name=json",
    "package_name=numpy",
    "package_name=tests",
    "package_name=acme_service",
    "package_name=two words",
    "package_name=../x",
]


@pytest.mark.parametrize("answer", REFUSED, ids=ascii)
def test_a_bad_answer_is_refused_in_one_sentence_and_leaves_nothing(
    answer: str, template: Path, folder: Path
):
    done = cookiecutter(template, folder, "--output-dir", "made/on/the/way", answer)
    assert (done.returncode, done.stderr) == (1, "")
    sentence = done.stdout.rstrip("\n")
    assert "\n" not in sentence
    assert sentence.startswith(("project_", "package_", "author_", "description"))
    assert sentence.endswith(".")
    assert list(folder.rglob("*")) == []


@pytest.mark.parametrize("answer", ["{{ 1/0 }}", "{{ missing }}", "{{ '{{' }} 1/0 }}", "{{ oops"])
@pytest.mark.parametrize("prompt", ["project_name", "project_slug", "description"])
def test_jinja_on_the_command_line_leaves_nothing(
    prompt: str, answer: str, template: Path, folder: Path
):
    done = cookiecutter(template, folder, "--output-dir", "made/here", f"{prompt}={answer}")
    if done.returncode == 0:  # braces that evaluate to plain text are plain text
        assert prompt == "description"
    else:
        assert list(folder.rglob("*")) == []


def test_a_generation_ends_with_three_lines(template: Path, folder: Path):
    done = cookiecutter(template, folder, "project_name=Tiny Oracle")
    made, following, docs = done.stdout.rstrip().splitlines()[-3:]
    assert made.startswith("Made: tiny-oracle, a FastAPI service on Ray Serve, with auth, cache, ")
    assert following == "Next: cd tiny-oracle && make dev"
    pages = re.findall(r"\S+\.md", docs)
    assert pages
    assert [page for page in pages if not (folder / page).is_file()] == []


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_answers_the_prompts(name: str, template: Path, folder: Path):
    preset = f"{template}/presets/{name}.yaml"
    done = cookiecutter(template, folder, "--config-file", preset)
    assert done.returncode == 0, done.stdout + done.stderr
    [saved] = (folder.parent / "home").rglob(f"{template.name}.json")
    answers = json.loads(saved.read_text(encoding="utf-8"))["cookiecutter"]
    assert PRESETS[name].items() <= answers.items()


def test_a_bad_answer_of_a_replay_leaves_no_project(template: Path, folder: Path):
    assert cookiecutter(template, folder).returncode == 0
    [saved] = (folder.parent / "home").rglob(f"{template.name}.json")
    bad = saved.with_name("bad.json")
    bad.write_text(saved.read_text().replace('"my_service"', '"class"'))
    done = run(template, folder, "--replay-file", str(bad), "--output-dir", "made")
    assert done.returncode == 1
    assert done.stderr == "package_name 'class' is already a keyword of Python.\n"
    assert list((folder / "made").iterdir()) == []


@pytest.mark.parametrize("options", [[], ["--overwrite-if-exists"], ["-f", "-s"]])
def test_a_folder_that_holds_something_is_refused_and_kept(
    options: list[str], template: Path, folder: Path
):
    (folder / "my-service").mkdir()
    (folder / "my-service/mine.py").write_text("mine")
    done = cookiecutter(template, folder, *options)
    assert done.returncode == 1
    assert files(folder) == {"my-service/mine.py": b"mine"}


SET_UPS: dict[str, Answers] = {"all": ALL | UNUSUAL, "bare": BARE}


def fresh_shell() -> dict[str, str]:
    """This environment without what our own make put into it."""
    ours = ("PYTHON", "VIRTUAL_ENV", "RUFF_", "MAKE", "MFLAGS")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def set_up(template: Path, folder: Path, answers: Answers) -> Path:
    """A project that has made its own environment and has passed its own checks in it."""
    typed = [f"{prompt}={value}" for prompt, value in answers.items()]
    done = cookiecutter(template, folder, *typed)
    assert done.returncode == 0, done.stdout + done.stderr
    (project,) = folder.iterdir()
    for target in ("setup", "check"):
        command, shell = ["make", target], fresh_shell()
        made = subprocess.run(
            command, cwd=project, env=shell, capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stdout + made.stderr
    return project


@pytest.fixture(scope="module")
def projects(
    pool: ThreadPoolExecutor, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Future[Path]]:
    def folder(name: str) -> Path:
        work = tmp_path_factory.mktemp(name) / "work"
        work.mkdir()
        return work

    return {
        name: pool.submit(set_up, template, folder(name), answers)
        for name, answers in SET_UPS.items()
    }


@pytest.mark.parametrize("name", SET_UPS)
def test_a_project_is_made_and_passes_its_own_fresh_set_up(
    name: str, projects: dict[str, Future[Path]]
):
    project = projects[name].result()
    assert (project / "uv.lock").exists()
    assert settings(project / ".env.example").items() <= settings(project / ".env").items()
    written = (project / ".env").read_bytes()
    again = subprocess.run(["make", "setup"], cwd=project, env=fresh_shell(), check=False)
    assert (again.returncode, (project / ".env").read_bytes()) == (0, written)


def settings(path: Path) -> dict[str, str | None]:
    """What a file sets. A name without a value is there to be filled in."""
    return {name: value for name, value in dotenv_values(path).items() if value}


@pytest.mark.parametrize("name", SET_UPS)
def test_a_bill_of_materials_lists_what_the_image_installs(
    name: str, projects: dict[str, Future[Path]]
):
    project = projects[name].result()
    done = in_project(project, "make", "--silent", "sbom")
    assert done.returncode == 0, done.stdout + done.stderr
    bill = json.loads((project / "build/sbom.cdx.json").read_text(encoding="utf-8"))
    components = bill["components"]
    assert all(one["externalReferences"][0]["hashes"] for one in components)
    for one in components[1:]:  # the validator takes a tenth of a second for each address
        del one["externalReferences"]
    validator = JsonStrictValidator(SchemaVersion.V1_5)
    assert validator.validate_str(json.dumps(bill)) is None
    lock = tomllib.loads((project / "uv.lock").read_text(encoding="utf-8"))["package"]
    listed = {(one["name"], one["version"]) for one in components}
    assert listed <= {(one["name"], one["version"]) for one in lock}
    names = {name for name, _ in listed}
    pyproject = read((project / "pyproject.toml").read_bytes())
    assert {canonicalize_name(one.name) for one in asked_for(pyproject)} <= names
    tools = {one for one in pyproject["dependency-groups"]["dev"] if "httpx2" not in one}
    assert {Requirement(one).name for one in tools} & names == set()
    licences = (project / "build/licences.md").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^\| ([\w.-]+) \| \d", licences) == [one["name"] for one in components]
    assert re.search(r"(?m)^\| fastapi \| [\d.]+ \| MIT \|$", licences)


@pytest.mark.parametrize("name", SET_UPS)
def test_the_first_commit_passes_its_hooks_and_a_bad_one_does_not(
    name: str, projects: dict[str, Future[Path]]
):
    project = projects[name].result()
    for command in ("git init -q", "git add .", "pre-commit install", "git commit -qm First"):
        done = in_project(project, *command.split())
        assert done.returncode == 0, done.stdout + done.stderr
    assert "make lint" in done.stderr
    [wiring] = project.glob("src/*/features.py")
    wiring.write_text(wiring.read_text(encoding="utf-8") + "x  = 1\n", encoding="utf-8")
    done = in_project(project, "git", "commit", "-qam", "Second")
    assert done.returncode == 1
    assert in_project(project, "git", "log", "--format=%s").stdout == "First\n"


def in_project(project: Path, *command: str) -> Done:
    """Run a command in a project as its owner would, with an identity for git."""
    identity = {"GIT_CONFIG_GLOBAL": str(project.parent.parent / "gitconfig")}
    Path(identity["GIT_CONFIG_GLOBAL"]).write_text("[user]\nname = Ada\nemail = ada@example.com\n")
    identity |= {"PRE_COMMIT_HOME": str(project.parent.parent / "hooks")}
    path = {"PATH": f"{os.environ['PATH']}{os.pathsep}{Path(sys.executable).parent}"}
    shell = fresh_shell() | identity | path
    return subprocess.run(
        command, cwd=project, env=shell, capture_output=True, text=True, check=False
    )
