"""The manifest in cookiecutter.json, beside the folder that it speaks of."""

import re
import sys
from collections import Counter
from collections.abc import Callable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from .answers import ALL, CHOICES, CONFIG, FEATURES, PROMPTS
from .conftest import Render
from .distributions import asked_for, installed_for, read
from .template import PROJECT, STATEMENT, files, is_copied, is_text, template_files

PATHS = {path: owner for owner, paths in CONFIG["_features"].items() for path in paths}
ALWAYS_ON = {
    *("api", "contracts", "deployments", "features", "launcher", "models"),
    *("request_log", "v1"),
}
"""Folders beside those of features, which every project has."""

# The only files in which a condition may stand, and so the only ones that are rendered.
RENDERED = {
    ".github/dependabot.yml",
    ".env.example",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "compose.yaml",
    "deploy/applications.yaml",
    "deploy/kubernetes/base/kustomization.yaml",
    "deploy/kubernetes/components/backends/kustomization.yaml",
    "deploy/kubernetes/components/gateway/kustomization.yaml",
    "deploy/kubernetes/overlays/local/settings.env",
    "deploy/kubernetes/overlays/production/kustomization.yaml",
    "deploy/kubernetes/overlays/production/settings.env",
    "deploy/serve.env",
    "docs/README.md",
    "pyproject.toml",
    "serve.yaml",
    "src/acme_service/features.py",
}


FOLDERS = {
    "acme_service",
    "acme_service/api",
    "servekit/features",
    "servekit/registry/sources",
}
"""Where the folders of features are."""


def features_with_a_folder() -> dict[str, str]:
    """For each feature that has a folder, where that is."""
    folders = [
        Path(path).relative_to("src")
        for path, owner in PATHS.items()
        if path.startswith("src/") and owner in FEATURES
    ]
    return {path.name: str(path.parent) for path in folders if str(path.parent) in FOLDERS}


def owner_of(path: str) -> str | None:
    owners = [owner for above, owner in PATHS.items() if f"{path}/".startswith(f"{above}/")]
    return owners[0] if owners else None


def test_every_path_exists():
    assert [path for path in PATHS if not (PROJECT / path).exists()] == []


def test_every_path_has_one_owner():
    listed = [path for paths in CONFIG["_features"].values() for path in paths]
    inside = [a for a in listed for b in listed if a != b and a.startswith(f"{b}/")]
    assert [path for path, times in Counter(listed).items() if times > 1] + inside == []


@pytest.mark.parametrize("condition", CONFIG["_features"])
def test_a_condition_speaks_of_prompts_and_their_options(condition):
    for term in re.split("[&|]", condition):
        prompt, equals, choice = (part.strip() for part in term.partition("="))
        assert choice in CHOICES[prompt] if equals else prompt in FEATURES


def test_every_prompt_says_what_one_gets():
    assert list(CONFIG["__prompts__"]) == PROMPTS


@pytest.mark.parametrize("name", features_with_a_folder())
def test_a_feature_has_one_name(name):
    folder = features_with_a_folder()[name]
    own = [f"src/{folder}/{name}", f"tests/test_{name}.py"]
    paths = CONFIG["_features"][name]
    assert name in FEATURES
    assert set(paths) >= {*own, f"docs/how-to/{name}.md"}


@pytest.mark.parametrize("name", features_with_a_folder())
def test_the_settings_of_a_feature_start_with_its_name(name):
    folder = features_with_a_folder()[name]
    sources = (PROJECT / f"src/{folder}/{name}").rglob("*.py")
    prefixes = {
        found
        for source in sources
        for found in re.findall(r'env_prefix="(\w*)"', source.read_text(encoding="utf-8"))
    }
    assert prefixes <= {f"{name.upper()}_"}


def test_every_folder_of_a_feature_belongs_to_the_prompt_of_its_name():
    folders = [PROJECT / "src" / folder for folder in FOLDERS]
    found = {path.parent.name for folder in folders for path in folder.glob("*/__init__.py")}
    assert found - ALWAYS_ON == set(features_with_a_folder()) - ALWAYS_ON


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


def test_conditions_have_lines_of_their_own_in_rendered_files():
    stray = [
        f"{path}: {line}"
        for path, content in template_files().items()
        if is_text(content)
        for line in content.decode().splitlines()
        if ("{%" in line or (path in RENDERED and ("{{" in line or "{#" in line)))
        and not (path in RENDERED and STATEMENT.match(line))
    ]
    assert stray == []


def test_no_template_condition_has_an_else():
    statements = [
        line.strip()
        for path in RENDERED & {*template_files()}
        for line in template_files()[path].decode().splitlines()
        if STATEMENT.match(line)
    ]
    allowed = re.compile(r"# \{% (if cookiecutter\b.* |endif )%\}")
    assert [line for line in statements if not allowed.fullmatch(line)] == []


def test_conditions_stand_in_one_python_file_and_are_few():
    python = {path: content for path, content in template_files().items() if path.endswith(".py")}
    lines = [line for content in python.values() for line in content.decode().splitlines()]
    holding = [path for path, content in python.items() if b"# {%" in content]
    statements = [line for line in lines if STATEMENT.match(line)]
    assert holding == ["src/acme_service/features.py"]
    assert len(statements) < 0.015 * len(lines)


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


def test_the_kit_names_no_project():
    """What stands in the kit is the same in every project."""
    literals = [name.encode() for name in CONFIG["_names"]]
    naming = [
        path
        for path, content in template_files().items()
        if path.startswith("src/servekit/") and any(name in content for name in literals)
    ]
    assert naming == []


SAMPLE = re.compile(
    rb"/v1/(?:detect|languages|preferences|analyze)|\blanguage[:@]|[\"'/]language\b"
    rb"|LANGUAGE\b|(?i:detector|sentiment|opinion)"
)
"""How the sample is spoken of, in code and settings."""


def test_a_service_without_the_sample_does_not_speak_of_it(render: Callable[..., Render]):
    answers = ALL | {"sample": "none", "composition": False}
    project = files(render(**answers).folder)
    speaking = {
        f"{path}: {found[0].decode()}"
        for path, content in project.items()
        if not path.startswith(("docs/", "constraints.txt")) and is_text(content)
        if path != ".pre-commit-config.yaml"  # where `language` is what a hook is written in
        if (found := SAMPLE.search(content))
    }
    assert speaking == set()


def installed_for_the_project() -> set[str]:
    pyproject = read(template_files()["pyproject.toml"])
    return installed_for(asked_for(pyproject, *pyproject["dependency-groups"]))


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
