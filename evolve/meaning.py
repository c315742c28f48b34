"""Finds what a merge of lines makes of files that programs read, as git sees lines alone.

A project needs no YAML library for its updates, so keys are found by their indentation.
"""

import ast
import json
import re
import tomllib
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple, cast

DASH = re.compile(r"-(?:\s+|$)")
KEY = re.compile(
    r"(?P<key>\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s\"'#&*!|>%@`{}\[\],?-][^#]*?|-[^\s#][^#]*?)"
    r"\s*:(?=\s|$)(?P<value>.*)"
)
BLOCK_SCALAR = re.compile(r"\s*(?:[&!]\S+\s+)*[|>][-+0-9]*\s*(?:#.*)?$")
TARGET = re.compile(r"^([\w./-]+):(?!=).*\n(?=\t)", re.MULTILINE)
SETTING = re.compile(r"^(\w+)=", re.MULTILINE)

DISTRIBUTION = re.compile(r"[\w.-]+")

Lines = Sequence[str]


class Key(NamedTuple):
    """A key of a mapping in YAML.

    line: The number of its line, from 0.
    column: Where it begins.
    path: Its name, below those of the mappings that it is in; items of lists have numbers.
    value: What follows it on its line.
    """

    line: int
    column: int
    path: tuple[str, ...]
    value: str

    def __str__(self) -> str:
        return ".".join(one for one in self.path if not one.startswith("["))


def faults(path: str, content: bytes) -> set[str]:
    """Say what is wrong with a file, as far as its kind is known; of others, nothing.

    Args:
        path: Its path, which says the kind.
        content: Its content.
    """
    name = PurePosixPath(path)
    find = _KINDS.get(name.suffix) or _KINDS.get(name.name)
    try:
        return find(content.decode()) if find else set()
    except UnicodeDecodeError:
        return set()


def _yaml_twice(text: str) -> set[str]:
    return {f"{second} would be there twice" for _, second in pairs(text.splitlines())}


def _no_toml(text: str) -> set[str]:
    try:
        facts = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {"it would be no valid TOML"}
    project = _table(facts.get("project"))
    optional = _table(project.get("optional-dependencies")), _table(facts.get("dependency-groups"))
    lists = [project.get("dependencies"), *(one for many in optional for one in many.values())]
    return {f"{name} would be there twice" for one in lists for name in _again(_required(one))}


def _table(value: object) -> dict[str, object]:
    """A table of TOML; of another value, an empty one."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _required(requirements: object) -> list[str]:
    """The distributions that a list requires in any case: without a marker, and in no group."""
    listed = cast("list[object]", requirements) if isinstance(requirements, list) else []
    texts = [one for one in listed if isinstance(one, str) and ";" not in one]
    found = [match[0] for match in map(DISTRIBUTION.match, texts) if match]
    return [re.sub(r"[-_.]+", "-", name).lower() for name in found]


def _no_json(text: str) -> set[str]:
    found: list[str] = []

    def noted(members: list[tuple[str, Any]]) -> None:
        found.extend(_again([name for name, _ in members]))

    try:
        json.loads(text, object_pairs_hook=noted)
    except ValueError:
        return {"it would be no valid JSON"}
    return {f"{name} would be there twice" for name in found}


def _no_python(text: str) -> set[str]:
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(text)
    except (SyntaxError, ValueError):
        return {"it would be no valid Python"}
    return set()


def _targets_twice(text: str) -> set[str]:
    return {f"the target {name} would be there twice" for name in _again(TARGET.findall(text))}


def _settings_twice(text: str) -> set[str]:
    return {f"{name} would be there twice" for name in _again(SETTING.findall(text))}


_KINDS: dict[str, Callable[[str], set[str]]] = {
    ".env": _settings_twice,
    ".env.example": _settings_twice,
    ".json": _no_json,
    ".mk": _targets_twice,
    ".py": _no_python,
    ".toml": _no_toml,
    ".yaml": _yaml_twice,
    ".yml": _yaml_twice,
    "Makefile": _targets_twice,
}


def _again(names: Sequence[str]) -> list[str]:
    return [name for at, name in enumerate(names) if name in names[:at]]


def pairs(lines: Lines) -> Iterator[tuple[Key, Key]]:
    """The keys of a YAML text that are there already, with the first of that name."""
    known: dict[tuple[str, ...], Key] = {}
    for key in keys(lines):
        if key.path in known:
            yield known[key.path], key
        known.setdefault(key.path, key)


def keys(lines: Lines) -> Iterator[Key]:
    above: list[tuple[int, str]] = []
    scalar: int | None = None
    for number, line in enumerate(lines):
        if scalar is not None and (not line.strip() or _indent(line) > scalar):
            continue
        scalar = None
        if line.startswith(("---", "...")):
            above = [(-1, f"[{number}]")]
        if not _is_content(line) or line.startswith(("---", "...")):
            continue
        bare, column = line.rstrip(), _indent(line)
        while dash := DASH.match(bare, column):
            above = [*_outside(above, column), (column, f"[{number}]")]
            column = dash.end()
        value = bare[column:]
        if found := KEY.match(bare, column):
            above = [*_outside(above, column), (column, found["key"].strip("\"'"))]
            value = found["value"]
            yield Key(number, column, tuple(name for _, name in above), value)
        if above and BLOCK_SCALAR.fullmatch(value):
            scalar = above[-1][0]


def _outside(above: Sequence[tuple[int, str]], column: int) -> list[tuple[int, str]]:
    return [one for one in above if one[0] < column]


def _is_content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def joined(lines: Lines, theirs: Lines) -> list[str] | None:
    """Put what stands below a key twice under one of them, in YAML; None where that cannot be.

    What a team put there comes last, below the template's key, which stays where it is.

    Args:
        lines: Of the merged text.
        theirs: Of the template's text.
    """
    merged = [*lines]
    while found := next(pairs(merged), None):
        kept = [_body(theirs, key) for key in keys(theirs) if key.path == found[0].path]
        template, team = found if [_body(merged, found[0])] == kept else found[::-1]
        if [_body(merged, template)] != kept or not _is_alike(merged, template, team):
            return None
        merged = _moved(merged, template, team)
    return merged


def _body(lines: Lines, key: Key) -> list[str]:
    """The lines of a key's value, without what belongs to the next key."""
    end = last = key.line + 1
    for at, line in enumerate(lines[end:], end):
        inside = _indent(line) > key.column or (
            _indent(line) == key.column and DASH.match(line.rstrip(), key.column)
        )
        if line.strip() and inside:
            last = at + 1
        elif _is_content(line):
            break
    return [*lines[end:last]]


def _is_alike(lines: Lines, one: Key, other: Key) -> bool:
    """Whether two values are blocks of the same kind and indentation."""
    bare = [key.value.split(" #")[0].strip() == "" for key in (one, other)]
    starts = [
        (_indent(line), bool(DASH.match(line.strip())))
        for key in (one, other)
        for line in [next(filter(_is_content, _body(lines, key)), "")]
    ]
    return all(bare) and starts[0] == starts[1] and starts[0][0] > 0


def _moved(lines: Lines, template: Key, team: Key) -> list[str]:
    """Move the team's lines, and the comments above its key, below those of the template."""
    first = team.line
    while first and lines[first - 1].startswith(" " * team.column + "#"):
        first -= 1
    body = _body(lines, team)
    last = team.line + 1 + len(body)
    indent = " " * _indent(next(filter(_is_content, body)))
    moved = [*(indent + line.lstrip() for line in lines[first : team.line]), *body]
    if not moved[-1].endswith("\n"):
        moved[-1] += "\n"
    if first and not lines[first - 1].strip() and not "".join(lines[last : last + 1]).strip():
        first -= 1
    end = template.line + 1 + len(_body(lines, template))
    if end <= first:
        return [*lines[:end], *moved, *lines[end:first], *lines[last:]]
    return [*lines[:first], *lines[last:end], *moved, *lines[end:]]
