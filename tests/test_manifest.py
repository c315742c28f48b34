"""The manifest in cookiecutter.json, beside the folder that it speaks of."""

import re
import sys
import tomllib
from collections import Counter
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .answers import CHOICES, CONFIG, FEATURES, PROMPTS
from .template import PROJECT, STATEMENT, is_copied, is_text, template_files

ROOMS = {room: owner for owner, rooms in CONFIG["_features"].items() for room in rooms}
ALWAYS_ON = "request_log"

# The only files in which a condition may stand, and so the only ones that are rendered.
RENDERED = {
    ".env.example",
    "LICENSE",
    "Makefile",
    "README.md",
    "compose.yaml",
    "deploy/serve.env",
    "docs/README.md",
    "pyproject.toml",
    "serve.yaml",
    "src/acme_service/ingress/features.py",
}


def features_with_a_room() -> list[str]:
    rooms = (Path(room) for room in ROOMS)
    return [room.name for room in rooms if room.parent.name == "features" and not room.suffix]


def owner_of(path: str) -> str | None:
    owners = [owner for room, owner in ROOMS.items() if f"{path}/".startswith(f"{room}/")]
    return owners[0] if owners else None


def test_every_room_exists():
    assert [room for room in ROOMS if not (PROJECT / room).exists()] == []


def test_every_room_has_one_owner():
    listed = [room for rooms in CONFIG["_features"].values() for room in rooms]
    inside = [a for a in listed for b in listed if a != b and a.startswith(f"{b}/")]
    assert [room for room, times in Counter(listed).items() if times > 1] + inside == []


@pytest.mark.parametrize("condition", CONFIG["_features"])
def test_a_condition_speaks_of_prompts_and_their_options(condition):
    for term in re.split("[&|]", condition):
        prompt, equals, choice = (part.strip() for part in term.partition("="))
        assert choice in CHOICES[prompt] if equals else prompt in FEATURES


def test_every_prompt_says_what_one_gets():
    assert list(CONFIG["__prompts__"]) == PROMPTS


@pytest.mark.parametrize("name", features_with_a_room())
def test_a_feature_has_one_name(name):
    own = [f"src/acme_service/features/{name}", f"tests/features/test_{name}.py"]
    rooms = CONFIG["_features"][name]
    assert name in FEATURES
    assert set(rooms) >= {*own, f"docs/how-to/{name}.md"}


@pytest.mark.parametrize("name", features_with_a_room())
def test_the_settings_of_a_feature_start_with_its_name(name):
    sources = (PROJECT / f"src/acme_service/features/{name}").rglob("*.py")
    prefixes = {
        found
        for source in sources
        for found in re.findall(r'env_prefix="(\w*)"', source.read_text(encoding="utf-8"))
    }
    assert prefixes <= {f"{name.upper()}_"}


def test_every_room_for_a_feature_belongs_to_the_prompt_of_its_name():
    folder = PROJECT / "src/acme_service/features"
    rooms = {path.parent.name for path in folder.glob("*/__init__.py")} - {ALWAYS_ON}
    assert rooms == set(features_with_a_room())


@pytest.mark.parametrize("name", FEATURES)
def test_every_path_that_says_a_feature_belongs_to_it(name):
    word = re.compile(rf"(?<![a-z]){name}(?![a-z])")
    speaking = [path for path in template_files() if word.search(path)]
    assert [path for path in speaking if name not in str(owner_of(path))] == []


@pytest.mark.parametrize("name", FEATURES)
def test_wiring_stands_under_the_condition_of_the_same_name(name):
    text = "\n".join(template_files()[path].decode() for path in RENDERED & {*template_files()})
    assert f"# {{% if cookiecutter.{name} %}}" in text


def test_what_is_rendered_is_what_may_hold_conditions():
    paths = set(template_files())
    assert {path for path in paths if not is_copied(path)} == RENDERED & paths


def test_conditions_stand_only_where_they_are_rendered_and_on_lines_of_their_own():
    stray = [
        f"{path}: {line}"
        for path, content in template_files().items()
        if is_text(content)
        for line in content.decode().splitlines()
        if ("{%" in line or (path in RENDERED and ("{{" in line or "{#" in line)))
        and not (path in RENDERED and STATEMENT.match(line))
    ]
    assert stray == []


def test_no_else_ever():
    statements = [
        line.strip()
        for path in RENDERED & {*template_files()}
        for line in template_files()[path].decode().splitlines()
        if STATEMENT.match(line)
    ]
    allowed = re.compile(r"# \{% (if cookiecutter\b.* |endif )%\}")
    assert [line for line in statements if not allowed.fullmatch(line)] == []


def test_a_line_that_says_the_package_has_room_for_thirty_characters():
    tight = [
        f"{path}:{number}"
        for path, content in template_files().items()
        if path.endswith(".py")
        for number, line in enumerate(content.decode().splitlines(), 1)
        if "acme_service" in line and len(line) > 82
    ]
    assert tight == []


def test_the_display_name_stands_only_in_prose_and_in_one_constant():
    paths = [path for path, content in template_files().items() if b"Acme Service" in content]
    code = [path for path in paths if not path.endswith(".md")]
    assert set(code) == {"pyproject.toml", "src/acme_service/__init__.py"}
    assert b'NAME = "Acme Service"\n' in template_files()["src/acme_service/__init__.py"]


def dependencies(requirement: Requirement, found: set[str]) -> set[str]:
    """The distributions that `requirement` brings on this machine, added to `found`."""
    name = canonicalize_name(requirement.name)
    found.add(name)
    for further in map(Requirement, requires(name) or []):
        extras = [{"extra": extra} for extra in ("", *requirement.extras)]
        wanted = further.marker is None or any(map(further.marker.evaluate, extras))
        if wanted and (canonicalize_name(further.name) not in found or further.extras):
            try:
                dependencies(further, found)
            except PackageNotFoundError:
                found.discard(canonicalize_name(further.name))
    return found


def installed_for_the_project() -> set[str]:
    pyproject = tomllib.loads(template_files()["pyproject.toml"].decode())
    groups = pyproject["dependency-groups"].values()
    wanted = [*pyproject["project"]["dependencies"], *(line for group in groups for line in group)]
    found: set[str] = set()
    for line in wanted:
        dependencies(Requirement(line), found)
    return found


def test_no_dependency_can_be_the_name_of_a_package():
    installed = installed_for_the_project()
    imported = {
        name
        for name, owners in packages_distributions().items()
        if {canonicalize_name(owner) for owner in owners} & installed
    }
    taken = imported | {name.replace("-", "_") for name in installed}
    possible = {name for name in taken if re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)}
    assert possible - set(CONFIG["_reserved"]["the name of a dependency"]) == set()


def test_no_folder_of_the_project_can_be_the_name_of_a_package():
    folders = {path.split("/")[0] for path in template_files() if "/" in path}
    possible = {name for name in folders if name.isidentifier()}
    assert possible - set(CONFIG["_reserved"]["a folder of the project"]) == set()


def test_reserved_names_are_sorted_and_not_already_standard():
    for names in CONFIG["_reserved"].values():
        assert names == sorted(set(names))
    reserved = set().union(*CONFIG["_reserved"].values())
    assert reserved & sys.stdlib_module_names <= {
        "test",
        *CONFIG["_reserved"]["a module of some Python's standard library"],
    }
