"""Which distributions a project asks for, which come with them, and which module is whose."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, requires
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def asked_for(pyproject: Mapping[str, Any], *groups: str) -> list[Requirement]:
    """What a project depends on at run time, and what the given groups add to that."""
    lines = [*pyproject["project"]["dependencies"]]
    for group in groups:
        lines += pyproject["dependency-groups"][group]
    return [Requirement(line) for line in lines]


def bringing(requirement: Requirement, found: set[str]) -> set[str]:
    """The distributions that `requirement` brings on this machine, added to `found`."""
    name = canonicalize_name(requirement.name)
    found.add(name)
    for further in map(Requirement, requires(name) or []):
        extras = [{"extra": extra} for extra in ("", *requirement.extras)]
        wanted = further.marker is None or any(map(further.marker.evaluate, extras))
        if wanted and (canonicalize_name(further.name) not in found or further.extras):
            try:
                bringing(further, found)
            except PackageNotFoundError:
                found.discard(canonicalize_name(further.name))
    return found


def installed_for(requirements: list[Requirement]) -> set[str]:
    found: set[str] = set()
    for requirement in requirements:
        bringing(requirement, found)
    return found


@cache
def modules() -> dict[str, set[str]]:
    """For each module that is installed here, the distributions that have it."""
    owners: dict[str, set[str]] = {}
    for distribution in distributions():
        for path in distribution.files or []:
            parts = path.with_suffix("").parts if path.suffix == ".py" else path.parts[:1]
            name = ".".join(parts).removesuffix(".__init__")
            owners.setdefault(name, set()).add(canonicalize_name(distribution.name))
            if path.suffix == ".so":
                compiled = ".".join([*path.parts[:-1], path.name.split(".")[0]])
                owners.setdefault(compiled, set()).add(canonicalize_name(distribution.name))
    return owners


def owners_of(module: str) -> set[str]:
    """The distributions that have a module, or else the nearest package that it is in."""
    while module and module not in modules():
        module = module.rpartition(".")[0]
    return modules().get(module, set())


def read(pyproject: bytes) -> dict[str, Any]:
    return tomllib.loads(pyproject.decode())
