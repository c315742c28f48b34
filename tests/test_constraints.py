"""What is pinned, beside what is asked for and what is installed."""

import os
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.export import ROOT

from .distributions import asked_for, installed_for
from .template import PROJECT

GROUPS = {PROJECT: ("dev", "load"), ROOT: ("dev", "bench")}

TOOLS = {"uv", "uv-build"}
"""What makes environments and packages."""


def pinned(folder: Path) -> Iterator[Requirement]:
    for line in (folder / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield Requirement(line)


def pins() -> dict[str, str]:
    """The version of each package for this Python and platform."""
    here = [one for folder in GROUPS for one in pinned(folder)]
    fitting = [one for one in here if one.marker is None or one.marker.evaluate()]
    return {canonicalize_name(one.name): str(one.specifier)[2:] for one in fitting}


def asked(folder: Path) -> list[Requirement]:
    pyproject = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    pyproject["project"].setdefault("dependencies", [])
    return asked_for(pyproject, *GROUPS[folder])


@pytest.mark.parametrize("folder", GROUPS, ids=["project", "template"])
def test_pinned_versions_are_inside_the_bounds(folder: Path):
    versions = pins()
    outside = [
        one for one in asked(folder) if versions[canonicalize_name(one.name)] not in one.specifier
    ]
    assert outside == []


@pytest.mark.parametrize("folder", GROUPS, ids=["project", "template"])
def test_every_installed_package_is_pinned(folder: Path):
    closure = installed_for(asked(folder))
    assert closure - pins().keys() == set()


def test_the_projects_constraints_hold_its_whole_closure():
    names = {canonicalize_name(one.name) for one in pinned(PROJECT)}
    assert installed_for(asked(PROJECT)) - names == set()


def test_nothing_is_pinned_that_nothing_asks_for():
    closure = {name for folder in GROUPS for name in installed_for(asked(folder))}
    # On other systems and Pythons, packages ask for more than they do here.
    elsewhere = {Requirement(one).name for name in closure for one in requires(name) or ()}
    wanted = closure | {canonicalize_name(one) for one in elsewhere} | TOOLS
    assert pins().keys() - wanted == set()


def test_constraints_pin_exactly():
    lines = [str(one) for folder in GROUPS for one in pinned(folder)]
    assert [line for line in lines if "==" not in line] == []


@pytest.mark.skipif(
    os.environ.get("NEWEST", "0") not in {"", "0"}, reason="The newest versions are being tried."
)
def test_the_tests_run_with_what_is_pinned():
    closure = {name for folder in GROUPS for name in installed_for(asked(folder))}
    versions = pins()
    other = {name: version(name) for name in closure if version(name) != versions[name]}
    assert other == {}
