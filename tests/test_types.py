"""Every render is typed, in one run: what was checked in one render is not checked in the next."""

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .answers import matrix
from .conftest import Render
from .environment import ENVIRONMENT, run, said
from .imports import fingerprints
from .template import files


def settings_of(project: Path) -> dict[str, Any]:
    """What a project asks of its type checker."""
    tools = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    return tools["basedpyright"]


@pytest.fixture(scope="module")
def novel(render: Callable[..., Render]) -> dict[Path, list[Path]]:
    """By project, the files that, or whose imports, no project before it had."""
    known: set[str] = set()
    found: dict[Path, list[Path]] = {}
    for answers in matrix().values():
        folder = render(**answers).folder
        included = (*(f"{room}/" for room in settings_of(folder)["include"]),)
        marks = fingerprints(files(folder))
        typed = {path: mark for path, mark in marks.items() if path.startswith(included)}
        found[folder] = [folder / path for path, mark in typed.items() if mark not in known]
        known |= {*typed.values()}
    return found


def for_all(projects: dict[Path, list[Path]], top: Path) -> dict[str, Any]:
    """The settings that the projects share, for all of them: each sees itself alone.

    top: the folder above the projects, which all paths start from.
    """
    each = [settings_of(project) for project in projects]
    # Generated code, where a project has some.
    ignored = sorted({path for one in each for path in one.pop("ignore", [])})
    [settings] = {json.dumps(one): one for one in each}.values()
    environments = [
        {"root": str(folder), "extraPaths": [str(folder / "src"), str(folder)]}
        for project in projects
        for folder in [project.relative_to(top)]
    ]
    paths = [str(path.relative_to(top)) for some in projects.values() for path in some]
    shared = {"include": paths, "ignore": ignored, "executionEnvironments": environments}
    return settings | shared


def test_every_project_is_typed(novel: dict[Path, list[Path]]):
    top = Path(os.path.commonpath(novel))
    (top / "types.json").write_text(json.dumps(for_all(novel, top)), encoding="utf-8")
    command = ["basedpyright", "--project", "types.json"]
    done = run(top, *command, "--pythonpath", ENVIRONMENT / "bin/python", PYTHONPATH="")
    assert done.returncode == 0, said(done)
    [checked] = [line for line in done.stdout.splitlines() if "errors" in line]
    assert checked.startswith("0 errors")
