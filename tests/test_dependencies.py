"""A render asks for what it imports, and at run time for nothing else."""

import sys
from collections.abc import Callable

import pytest
from packaging.utils import canonicalize_name

from .answers import Answers, matrix
from .conftest import Render
from .distributions import asked_for, installed_for, owners_of, read
from .imports import imported, package_of
from .template import files

RENDERS = matrix()
LOAD = "src/servekit/commands/load/"
TESTING = "src/servekit/testing/"
MANIFESTS = "src/servekit/commands/manifests/"
GROUPS = {
    "src/": (),
    TESTING: ("dev",),
    MANIFESTS: ("dev",),
    "tests/": ("dev",),
    LOAD: ("load",),
}
"""Beside run-time dependencies, what files below a folder may import; the longest decides."""
IMPORTED_BY_OTHERS = {"python-multipart": "fastapi", "aiosqlite": "sqlalchemy"}
"""What is imported, without being asked for, by what: to read forms, and files of SQLite."""
REGISTRIES = {
    "mlflow": {"mlflow-skinny"},
    "huggingface": {"huggingface-hub"},
    "cloud_storage": {"obstore"},
}
"""What asks a place elsewhere for models, by the feature that brings it."""
TRAINING = {"mlflow", "mlflow-tracing", "pandas", "pyarrow", "scikit-learn"}
"""What belongs to where models are trained, and not into the service."""
DATABASES = {"aiosqlite", "alembic", "asyncpg", "sqlalchemy"}
"""What only a service with a database needs; MLflow's own server brings some of it, too."""

every_render = pytest.mark.parametrize("answers", RENDERS.values(), ids=RENDERS)


def folder_of(path: str) -> str | None:
    """The folder among GROUPS that a file is in, the innermost of several."""
    return max((one for one in GROUPS if path.startswith(one)), key=len, default=None)


def undeclared(project: dict[str, bytes], folder: str) -> set[str]:
    """Imports below a folder of what is neither declared for it nor comes with what is."""
    present = installed_for(asked_for(read(project["pyproject.toml"]), *GROUPS[folder]))
    own = {path.removeprefix("src/").split("/")[0] for path in project if path.endswith(".py")}
    return {
        f"{path}: {module}"
        for path, source in project.items()
        if max(filter(path.startswith, GROUPS), key=len, default="") == folder
        if path.endswith(".py")
        for module in imported(source, package_of(path))
        if module.split(".")[0] not in own | sys.stdlib_module_names
        if not owners_of(module) & present
    }


@pytest.mark.parametrize("folder", GROUPS)
@every_render
def test_no_module_imports_what_is_not_declared(
    answers: Answers, folder: str, render: Callable[..., Render]
):
    assert undeclared(files(render(**answers).folder), folder) == set()


@every_render
def test_a_project_asks_for_nothing_that_it_does_not_import(
    answers: Answers, render: Callable[..., Render]
):
    project = files(render(**answers).folder)
    needed = {
        owner
        for path, source in project.items()
        if folder_of(path) == "src/" and path.endswith(".py")
        for module in imported(source, package_of(path))
        for owner in owners_of(module)
    }
    requirements = asked_for(read(project["pyproject.toml"]))
    declared = {canonicalize_name(requirement.name) for requirement in requirements}
    others = {name for name, importing in IMPORTED_BY_OTHERS.items() if importing in needed}
    assert declared - needed == others


@every_render
def test_a_service_installs_chosen_registry_clients_alone(
    answers: Answers, render: Callable[..., Render]
):
    pyproject = read(files(render(**answers).folder)["pyproject.toml"])
    installed = installed_for(asked_for(pyproject))
    chosen = {name for name in REGISTRIES if answers.get(name)}
    clients = set().union(*REGISTRIES.values())
    assert installed & clients == set().union(*(REGISTRIES[name] for name in chosen))
    assert installed & TRAINING == set()
    assert bool(installed & DATABASES) == bool(answers.get("feedback"))
