"""A render asks for what it imports, and a declined feature leaves no dependency behind."""

import sys
from collections.abc import Callable

import pytest
from packaging.utils import canonicalize_name

from .answers import ALL, BARE, FEATURES, Answers, matrix
from .conftest import Render
from .distributions import asked_for, installed_for, owners_of, read
from .imports import imported, package_of
from .template import files

RENDERS = matrix()
GROUPS = {"src/": (), "tests/": ("dev",), "load/": ("dev", "load")}
"""Beside run-time dependencies, what the files below a folder may import."""


def undeclared(project: dict[str, bytes], folder: str) -> set[str]:
    """Imports below a folder of what is neither declared for it nor comes with what is."""
    present = installed_for(asked_for(read(project["pyproject.toml"]), *GROUPS[folder]))
    own = {path.removeprefix("src/").split("/")[0] for path in project if path.endswith(".py")}
    return {
        f"{path}: {module}"
        for path, source in project.items()
        if path.startswith(folder) and path.endswith(".py")
        for module in imported(source, package_of(path))
        if module.split(".")[0] not in own | sys.stdlib_module_names
        if not owners_of(module) & present
    }


@pytest.mark.parametrize("folder", GROUPS)
@pytest.mark.parametrize("answers", RENDERS.values(), ids=RENDERS)
def test_no_module_imports_what_is_not_declared(
    answers: Answers, folder: str, render: Callable[..., Render]
):
    assert undeclared(files(render(**answers).folder), folder) == set()


def names(answers: Answers, render: Callable[..., Render]) -> set[str]:
    pyproject = read(files(render(**answers).folder)["pyproject.toml"])
    requirements = asked_for(pyproject, *pyproject["dependency-groups"])
    return {canonicalize_name(requirement.name) for requirement in requirements}


@pytest.mark.parametrize("name", FEATURES)
def test_a_dependency_goes_with_the_features_that_need_it(name: str, render: Callable[..., Render]):
    brought = names(BARE | {name: True}, render) - names(BARE, render)
    lost = names(ALL, render) - names(ALL | {name: False}, render)
    assert lost <= brought
