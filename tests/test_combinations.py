"""Every rendered file parses in every combination of the variables that it mentions."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path

import pytest
import yaml
from cookiecutter.environment import StrictEnvironment
from packaging.requirements import Requirement

from .answers import CONFIG, OPTIONS
from .environment import run, said
from .template import is_copied, template_files

RENDERED = [path for path in template_files() if not is_copied(path)]
SETTING = re.compile(r"#?[A-Z][A-Za-z0-9_]*=\S*|RAY_\w+=\S+|# .*|#|")
LICENSES = ("MIT License", "Apache License", "Copyright (c) Acme Authors. All rights reserved.")


@cache
def combinations(path: str) -> list[str]:
    """All that a file can become, before the names are put in."""
    text = template_files()[path].decode()
    mentioned = {name: OPTIONS[name] for name in re.findall(r"cookiecutter\.(\w+)", text)}
    environment = StrictEnvironment(keep_trailing_newline=True, **CONFIG["_jinja2_env_vars"])
    template = environment.from_string(text)
    answers = (dict(zip(mentioned, some, strict=True)) for some in product(*mentioned.values()))
    return list(dict.fromkeys(template.render(cookiecutter=some) for some in answers))


def parse_python(text: str) -> None:
    ast.parse(text)


def parse_project(text: str) -> None:
    facts = tomllib.loads(text)
    groups = facts["dependency-groups"].values()
    for line in [*facts["project"]["dependencies"], *(line for group in groups for line in group)]:
        Requirement(line)


def parse_yaml(text: str) -> None:
    assert isinstance(yaml.load(text, yaml.CSafeLoader), dict)


def parse_settings(text: str) -> None:
    wrong = [line for line in text.splitlines() if not SETTING.fullmatch(line)]
    assert wrong == []


def parse_makefile(text: str) -> None:
    command = ["make", "--dry-run", "--file=-", "help"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def parse_markdown(text: str) -> None:
    assert text.count("\n```") % 2 == 0
    assert "\n\n\n" not in text


def parse_license(text: str) -> None:
    assert [line for line in text.splitlines() if line.strip().startswith(LICENSES)] == [
        text.splitlines()[0]
    ]
    assert not re.search(r"\b20[1-9]\d\b", text)  # a render of tomorrow has to be the same


PARSERS: dict[str, Callable[[str], None]] = {
    ".env.example": parse_settings,
    "LICENSE": parse_license,
    "Makefile": parse_makefile,
    "pyproject.toml": parse_project,
    ".env": parse_settings,
    ".md": parse_markdown,
    ".py": parse_python,
    ".yaml": parse_yaml,
    ".yml": parse_yaml,
}
"""By file name, or else by suffix."""


@pytest.mark.parametrize("path", RENDERED)
def test_a_file_parses_in_every_combination(path: str):
    parse = PARSERS.get(Path(path).name) or PARSERS[Path(path).suffix]
    for text in combinations(path):
        parse(text)


@pytest.mark.parametrize("path", [path for path in RENDERED if path.endswith(".py")])
def test_python_is_formatted_and_linted_in_every_combination(path: str, tmp_path: Path):
    (tmp_path / "pyproject.toml").write_bytes(template_files()["pyproject.toml"])
    folder = (tmp_path / path).parent
    folder.mkdir(parents=True)
    for number, text in enumerate(combinations(path)):
        (folder / f"combination_{number}.py").write_text(text, encoding="utf-8")
    for command in (["format", "--check"], ["check", "--ignore", "INP"]):
        done = run(tmp_path, "ruff", *command, ".")
        assert done.returncode == 0, said(done)
