"""Renders of many kinds, each asked what we ask of the template itself."""

import ast
import re
import tomllib
from collections.abc import Callable, Iterable

import pytest

from evolve.templates import RECORD

from .answers import ALL, CHOICES, UNUSUAL, Answers, is_accepted, matrix
from .conftest import Render
from .environment import ENVIRONMENT, make, run, said
from .template import files, is_copied, lines_of, named, template_files, whole

RENDERS = matrix()
every_render = pytest.mark.parametrize("answers", RENDERS.values(), ids=RENDERS)


@every_render
def test_a_project_is_formatted(answers: Answers, render: Callable[..., Render]):
    done = run(render(**answers).folder, "ruff", "format", "--check", ".")
    assert done.returncode == 0, said(done)


@every_render
def test_a_project_is_linted(answers: Answers, render: Callable[..., Render]):
    done = run(render(**answers).folder, "ruff", "check", ".")
    assert done.returncode == 0, said(done)


@every_render
def test_a_project_keeps_its_import_contracts(answers: Answers, render: Callable[..., Render]):
    done = run(render(**answers).folder, "lint-imports", "--no-cache")
    assert done.returncode == 0, said(done)


def test_what_a_project_calls_its_checks_is_what_is_checked_here(
    render: Callable[..., Render], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MAKELEVEL", "1")  # as under `make test`
    done = make(render(**ALL).folder, "--dry-run", "check")
    programs = [line.removeprefix(f"{ENVIRONMENT}/bin/") for line in done.stdout.splitlines()]
    shared = "-n logical --maxprocesses 4 --dist worksteal"
    assert programs == [
        "ruff format --check .",
        "ruff check .",
        f"basedpyright --pythonpath {ENVIRONMENT}/bin/python",
        "lint-imports --no-cache",
        f'python -m pytest -q -m "not serve and not slow" {shared}',
    ]


@every_render
def test_a_project_is_the_whole_minus_lines_and_files(
    answers: Answers, render: Callable[..., Render]
):
    project = render(**answers)
    expected = whole(project.answers)
    rendered = {named(path, project.answers) for path in template_files() if not is_copied(path)}
    for path, content in files(project.folder).items():
        if path == RECORD:
            continue  # which says what was asked for
        if path in rendered:
            assert_subsequence(lines_of(content), expected[path], path)
        else:
            assert lines_of(content) == expected[path], path


def assert_subsequence(lines: list[str], of: Iterable[str], path: str) -> None:
    rest = iter(of)
    for line in lines:
        assert line in rest, f"{path}: {line!r}"  # consumes `rest` up to the line


def test_every_template_file_is_in_some_render(render: Callable[..., Render]):
    chosen = [{name: option} for name, options in CHOICES.items() for option in options]
    projects = [render(**ALL | choice) for choice in chosen if is_accepted(ALL | choice)]
    found = {path for project in projects for path in files(project.folder)}
    assert found == {RECORD, *whole(projects[0].answers)}


@every_render
def test_nothing_of_the_template_is_left(answers: Answers, render: Callable[..., Render]):
    typed = [text for text in answers.values() if isinstance(text, str)]
    for path, content in files(render(**answers).folder).items():
        said = f"{path}\n{content.decode(errors='replace')}"
        for text in typed:
            said = said.replace(text, "")
        if path == RECORD:  # one key of it is what cookiecutter reads
            said = said.replace('"cookiecutter": {', "")
        traces = re.findall(r"(?<![a-z])acme|cookiecutter|\{%|\{#|in-place", said, re.IGNORECASE)
        assert traces == [], path


def test_no_folder_is_left_empty(render: Callable[..., Render]):
    folders = [path for path in render(**RENDERS["bare"]).folder.rglob("*") if path.is_dir()]
    assert [folder for folder in folders if not any(folder.iterdir())] == []


def test_texts_arrive_as_they_were_typed(render: Callable[..., Render]):
    project = render(**ALL | UNUSUAL)
    facts = tomllib.loads((project.folder / "pyproject.toml").read_text(encoding="utf-8"))
    author = facts["project"]["authors"][0]
    assert facts["project"]["description"] == UNUSUAL["description"]
    assert author == {"name": UNUSUAL["author_name"], "email": UNUSUAL["author_email"]}

    package = project.folder / "src" / str(project.answers["package_name"])
    constants = ast.parse((package / "__init__.py").read_text(encoding="utf-8")).body
    named = next(node for node in constants if isinstance(node, ast.Assign))
    assert ast.literal_eval(named.value) == UNUSUAL["project_name"]
    title = (project.folder / "README.md").read_text(encoding="utf-8").splitlines()[0]
    assert title == f"# {UNUSUAL['project_name']}"


def test_the_same_answers_give_the_same_bytes(
    render: Callable[..., Render], render_again: Callable[..., Render]
):
    assert files(render(**ALL).folder) == files(render_again(**ALL).folder)
