"""What AGENTS.md says, of the template and of a project: each command, path and name in it."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.export import ROOT

from .answers import ALL, BARE
from .conftest import Render
from .template import PROJECT

SHELL = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
PATH = re.compile(r"[\w{}.\-/]*(?:/|\.(?:md|py|toml|yaml))[\w{}.\-/]*")
MADE = (".venv/", "build/")
"""What is there only after a set-up."""


@pytest.fixture(params=["template", "bare project", "whole project"])
def folder(request: pytest.FixtureRequest, render: Callable[..., Render]) -> Path:
    """Each folder that has such a page."""
    if request.param == "template":
        return ROOT
    return render(**(BARE if request.param == "bare project" else ALL)).folder


def page(folder: Path) -> str:
    return (folder / "AGENTS.md").read_text(encoding="utf-8")


def commands(text: str) -> list[str]:
    """The commands of a page: those in blocks, and those in a line of text."""
    blocks = [line for block in SHELL.findall(text) for line in block.splitlines()]
    inline = [code for code in CODE.findall(SHELL.sub("", text)) if code.startswith("make ")]
    return [shlex.join(shlex.split(line, comments=True)) for line in [*blocks, *inline]]


def paths(text: str) -> set[str]:
    words = {word.strip("'") for code in CODE.findall(SHELL.sub("", text)) for word in code.split()}
    return {word for word in words if PATH.fullmatch(word) and not word.startswith(MADE)}


def test_every_command_is_one_that_make_takes(folder: Path):
    said = commands(page(folder))
    assert len(said) > 5
    assert [line for line in said if not line.startswith("make ")] == []
    refused = []
    for line in said:
        command = ["make", "--dry-run", "--silent", *shlex.split(line)[1:]]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            refused.append(f"{line}: {done.stderr}")
    assert refused == []


def test_every_path_is_there(folder: Path):
    said = paths(page(folder))
    assert len(said) > 5
    assert [path for path in said if not (folder / path).exists()] == []


def test_a_project_is_told_of_each_wall_around_the_service():
    pyproject = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    walls = {one["name"] for one in contracts if "acme_service" in str(one)}
    assert set(re.findall(r'^  - "(.*)"$', page(PROJECT), re.MULTILINE)) == walls


def test_words_of_a_project_are_those_of_its_glossary():
    glossary = (PROJECT / "docs/explanation/glossary.md").read_text(encoding="utf-8")
    _, _, table = page(PROJECT).partition("## Words")
    rows = re.findall(r"^\| ([a-z, ]+) \| (?!means)", table, re.MULTILINE)
    words = [word for row in rows for word in row.split(", ")]
    assert len(words) > 5
    assert [
        word for word in words if not re.search(rf"^\| .*\b{word}\b", glossary, re.MULTILINE)
    ] == []
