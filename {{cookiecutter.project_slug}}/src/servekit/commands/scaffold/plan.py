"""Which files a new model is made of, and which go with one."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from . import edits
from .changes import Changes
from .edits import EditError
from .kinds import KINDS, Kind, Names, formatted

CONFIGURATIONS = ("serve.yaml", "deploy/applications.yaml")
VERSIONED_API = (
    '"""Version 1 of the API. Its answers keep their shape for as long as it lives."""\n'
)


def check_free(project: Path, names: Names) -> None:
    """Raises EditError where a file of the new model is there already, or its name is taken."""
    for path in (names.contract, names.model, names.routes, names.test, names.versions):
        for taken in (path, path.with_suffix("" if path.suffix else ".py")):
            if (project / taken).exists():
                raise EditError(f"{taken} already exists.")
    for path in (names.contract, names.model, names.routes):
        package = path.parent / "__init__.py"
        if (project / package).exists() and names.name in edits.bound(_read(project / package)):
            raise EditError(
                f"Invalid model name {names.name!r}: {package} has something else called that."
            )


def check_constant(names: Names, contract: str) -> None:
    """Raises EditError where a contract has something else called like the constant."""
    if edits.bound(contract).count(names.constant) > 1:
        raise EditError(
            f"Invalid model name {names.name!r}: its contract has another constant"
            f" {names.constant}."
        )


def required(project: Path, kind: Kind) -> Changes:
    """Plan the requirements of a kind.

    Raises:
        EditError: `pyproject.toml` has not the lists that they belong to.
    """
    pyproject = project / "pyproject.toml"
    text = _read(pyproject)
    for key, requirement in _requirements(kind):
        text = edits.with_requirement(text, key, requirement)
    return Changes({pyproject: text}, locked=project / "uv.lock")


def wired(project: Path, names: Names, kind: Kind) -> dict[Path, str]:
    """Plan the edits of the files that all models share: contents by path.

    Raises:
        EditError: One of them is not as expected.
    """
    package, name, constant = names.package, names.name, names.constant
    features = project / "src" / package / "features.py"
    training = f"training='{package}.models.{name}.training:train'"
    model = (
        f"    from {package}.contracts.{name} import {constant}\n\n"
        f"    yield Model({constant}, '{package}.models.{name}:{names.kind}Model',"
        f" {training if kind.versioned else 'versioned=False'},)\n"
    )
    routes = f"    from {package}.api.v1 import {name}\n\n    yield {name}.router\n"
    text = _read(features)
    for function, statements in (("models", model), ("routers", routes)):
        whole = formatted(f"def function():\n{statements}", features)
        text = edits.with_statements(text, function, whole.partition("\n")[2])
    files = {features: text}
    for path in _configurations(project):
        files[path] = edits.with_deployment(_read(path), package, name)
    return files


def added(project: Path, names: Names, kind: Kind, files: Mapping[Path, str]) -> Changes:
    """Plan the files of a model.

    Args:
        project: Its folder.
        names: Of the model.
        kind: Of the model.
        files: Contents by path: the model's own, and those that all models share.
    """
    packages = {names.routes.parent: VERSIONED_API}
    if project / names.test in files:
        packages[names.test.parent] = ""
    made = {project / package / "__init__.py": text for package, text in packages.items()}
    missing = {path: text for path, text in made.items() if not path.exists()}
    trained = project / names.versions if kind.versioned else None
    return Changes({**missing, **files}, trained=trained)


def removed(project: Path, names: Names) -> Changes:
    """Plan the removal of a model that `make model` has added.

    Raises:
        EditError: It has not, or the rest of the project needs the model.
    """
    own: dict[Path, str | None] = {project / path: None for path in (names.contract, names.routes)}
    missing = [path for path in (*own, project / names.model) if not path.exists()]
    if (project / names.test).exists():  # not every kind has one
        own[project / names.test] = None
    if not names.name or missing:
        raise EditError(f"There is no model {names.name!r} that `make model` has added.")
    sources = [*own, *(project / names.model).rglob("*.py")]
    features = project / "src" / names.package / "features.py"
    rest = {path: _read(path) for path in _sources(project) if path not in {*sources, features}}
    for path, text in rest.items():
        if _needs(names, path.relative_to(project), text):
            raise EditError(
                f"{path.relative_to(project)} needs the {names.name} model: remove that first."
            )
    shared = _shared_without(project, names, map(_read, sources), rest.values())
    packages = (project / names.routes.parent, project / names.test.parent)
    emptied = [
        package for package in packages if package.exists() and _holds_nothing_else(package, own)
    ]
    folders = [project / names.model, project / names.versions, *emptied]
    return Changes({**own, **shared}, [path for path in folders if path.exists()])


def _needs(names: Names, path: Path, text: str) -> bool:
    """Whether a module needs the model: by an import, or by the path of its class."""
    own = re.compile(rf"\b{names.package}\.(contracts|models|api\.v1)\.{names.name}\b")
    inside = path.relative_to("src") if path.is_relative_to("src") else path
    return any(map(own.search, [text, *edits.imported(text, inside)]))


def _shared_without(
    project: Path, names: Names, gone: Iterable[str], rest: Iterable[str]
) -> dict[Path, str | None]:
    package, name = names.package, names.name
    features = project / "src" / package / "features.py"
    text = _read(features)
    contract = f"{package}.contracts.{name}"
    text = edits.without_statements(text, "models", contract, names.constant)
    text = edits.without_statements(text, "routers", f"{package}.api.v1", name)
    files: dict[Path, str | None] = {features: text}
    for path in _configurations(project):
        files[path] = edits.without_deployment(_read(path), package, name)
    unneeded = _imported(gone) - _imported([*rest, text])
    pyproject = project / "pyproject.toml"
    text = _read(pyproject)
    for kind in KINDS.values():
        for key, requirement in _requirements(kind):
            if edits.distribution(requirement) in unneeded:
                text = edits.without_requirement(text, key, requirement)
    return files | {pyproject: text}


def _requirements(kind: Kind) -> Iterator[tuple[str, str]]:
    for requirement in kind.dependencies:
        yield "dependencies", requirement
    for requirement in kind.training:
        yield "dev", requirement


def _configurations(project: Path) -> list[Path]:
    return [project / one for one in CONFIGURATIONS if (project / one).exists()]


def _sources(project: Path) -> Iterator[Path]:
    for folder in ("src", "tests"):
        yield from (project / folder).rglob("*.py")


def _imported(sources: Iterable[str]) -> set[str]:
    """The first names of what is imported, which the kinds' packages are called by, too."""
    pattern = re.compile(r"(?m)^\s*(?:import|from) (\w+)")
    return {name for source in sources for name in pattern.findall(source)}


def _holds_nothing_else(folder: Path, gone: Iterable[Path]) -> bool:
    left = {path for path in folder.iterdir() if path.name != "__pycache__"} - {*gone}
    return all(path.name == "__init__.py" and _read(path) in {"", VERSIONED_API} for path in left)


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EditError(f"{path.name} cannot be read: {error}.") from None
    # What is added to the end of a file has to begin on a line of its own.
    return text if text.endswith("\n") or not text else f"{text}\n"
