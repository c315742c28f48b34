"""Edits of the files that every model shares: `features.py`, `serve.yaml`, `pyproject.toml`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import yaml


class EditError(Exception):
    """A model cannot be added or removed. The message is one sentence for the terminal."""


DEPLOYMENT = """\
- name: {}
  num_replicas: 1
  max_ongoing_requests: 100
  max_queued_requests: 64
  graceful_shutdown_timeout_s: 20
  max_surge_percent: 100
  ray_actor_options:
    num_cpus: 0.5
"""


def with_statements(source: str, function: str, statements: str) -> str:
    """Add statements, each after an empty line, to the end of a function of `features.py`.

    Args:
        source: Of the module.
        function: Its name.
        statements: Indented.

    Raises:
        EditError: There is no such function, or it uses a name that the statements bind.
    """
    body = _function(source, function)
    taken = {*_names(body)} & {*bound(dedent(statements))}
    if taken:
        raise EditError(f"{function}() in features.py has something else called {min(taken)!r}.")
    lines = source.splitlines(keepends=True)
    end = body.end_lineno
    edited = "".join([*lines[:end], "\n", statements, *lines[end:]])
    try:
        ast.parse(edited)
    except SyntaxError:
        raise EditError(f"{function}() in features.py has to be a block of statements.") from None
    return edited


def without_statements(source: str, function: str, module: str, name: str) -> str:
    """Remove an import from a function of `features.py`, and the statements that use it.

    Args:
        source: Of the module.
        function: Its name.
        module: Imported from.
        name: Imported.

    Raises:
        EditError: They are not as they were added.
    """
    body = _function(source, function).body
    imports = [
        one
        for one in body
        if isinstance(one, ast.ImportFrom)
        and (one.module, [alias.name for alias in one.names]) == (module, [name])
    ]
    using = [one for one in body if name in {*_names(one)}]
    # Anything else, such as a list of several models, is not only about this one.
    if len(imports) != 1 or not all(map(_is_yield, using)):
        raise EditError(
            f"{function}() in features.py no longer has `from {module} import {name}` and a `yield`"
            " of it alone: remove by hand what stands there instead."
        )
    lines = source.splitlines(keepends=True)
    for statement in reversed([*imports, *using]):
        start, end = statement.lineno - 1, statement.end_lineno
        while start and not lines[start - 1].strip():
            start -= 1
        del lines[start:end]
    return "".join(lines)


def _function(source: str, name: str) -> ast.FunctionDef:
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise EditError(f"features.py cannot be read: {error}.") from None
    for one in body:
        if isinstance(one, ast.FunctionDef) and one.name == name:
            return one
    raise EditError(f"features.py has no function {name}().")


def bound(source: str) -> list[str]:
    """The names that a module binds at its top, as often as it does."""
    found: list[str] = []
    for one in _parsed(source):
        if isinstance(one, ast.FunctionDef | ast.ClassDef):
            found.append(one.name)
        elif isinstance(one, ast.Import | ast.ImportFrom):
            found += [alias.asname or alias.name for alias in one.names]
        else:
            names = (part for part in ast.walk(one) if isinstance(part, ast.Name))
            found += [name.id for name in names if isinstance(name.ctx, ast.Store)]
    return found


def imported(source: str, path: Path) -> Iterator[str]:
    """What a module imports, by its whole name.

    Args:
        source: Of the module.
        path: Of its file, from the folder that packages are imported from.
    """
    for one in ast.walk(ast.Module(_parsed(source), [])):
        if isinstance(one, ast.ImportFrom):
            above = path.parts[: len(path.parts) - one.level] if one.level else ()
            module = ".".join([*above, *([one.module] if one.module else [])])
            yield from (f"{module}.{alias.name}" for alias in one.names)


def _parsed(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []  # which says nothing that Python could read


def _is_yield(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield)


def _names(statement: ast.stmt) -> Iterator[str]:
    for one in ast.walk(statement):
        if isinstance(one, ast.Name):
            yield one.id


def with_deployment(text: str, package: str, name: str) -> str:
    """Add the block of a model to a Serve configuration.

    Raises:
        EditError: There is no list of deployments to add it to.
    """
    deployments = _deployments(text, package)
    if not deployments:
        raise EditError(f"No application of {package} in serve.yaml lists its deployments.")
    lines = text.splitlines(keepends=True)
    last = deployments[-1]
    column = lines[last.start_mark.line].rfind("-", 0, last.start_mark.column)
    lines.insert(_last_line(last) + 1, indent(DEPLOYMENT.format(name), " " * column))
    edited = "".join(lines)
    try:
        names = [*map(_name, _deployments(edited, package))]
    except EditError:
        names = []
    if names != [*map(_name, deployments), name]:
        raise EditError(
            "The last deployment in serve.yaml ends as no other does: put another one behind it."
        )
    return edited


def without_deployment(text: str, package: str, name: str) -> str:
    """Remove the block of a model from a Serve configuration, if it is there."""
    lines = text.splitlines(keepends=True)
    for node in _deployments(text, package):
        if name == _name(node):
            del lines[node.start_mark.line : _last_line(node) + 1]
    return "".join(lines)


def _deployments(text: str, package: str) -> list[Any]:
    """The nodes of the deployments of the service."""
    try:
        root = yaml.compose(text)
    except yaml.YAMLError:
        raise EditError("serve.yaml is not valid YAML.") from None
    for application in _value(root, "applications") or ():
        path = _value(application, "import_path")
        if isinstance(path, str) and path.startswith(f"{package}."):
            return [one for one in _value(application, "deployments") or () if _is_block(one)]
    return []


def _value(node: Any, key: str) -> Any:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value.value for name, value in node.value if name.value == key), None)


def _name(deployment: Any) -> Any:
    return _value(deployment, "name")


def _is_block(node: Any) -> bool:
    return isinstance(node, yaml.MappingNode) and not node.flow_style


def _last_line(node: Any) -> int:
    """The line of its last value: a block of YAML ends where the next one begins."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return node.end_mark.line
    last = node.value[-1]
    return _last_line(last[1] if isinstance(last, tuple) else last)


def with_requirement(text: str, key: str, requirement: str) -> str:
    """Add a requirement to a list of `pyproject.toml`, in order; one that is there stays.

    Args:
        text: Of the file.
        key: `dependencies`, or the name of a group.
        requirement: Such as "numpy>=2,<3".

    Raises:
        EditError: The list is not there, one entry a line.
    """
    lines = text.splitlines(keepends=True)
    start, end = _list(lines, key)
    name = distribution(requirement)
    there = {distribution(_entry(lines[at])): at for at in range(start, end) if _entry(lines[at])}
    if name in there:
        return text
    after = [at for other, at in there.items() if other > name]
    lines.insert(min(after, default=end), f'    "{requirement}",\n')
    return "".join(lines)


def without_requirement(text: str, key: str, requirement: str) -> str:
    """Remove a requirement from a list of `pyproject.toml`, if it is there as it was added."""
    lines = text.splitlines(keepends=True)
    start, end = _list(lines, key)
    for at in range(start, end):
        if _entry(lines[at]) == requirement:
            del lines[at]
            break
    return "".join(lines)


def _list(lines: list[str], key: str) -> tuple[int, int]:
    """Where the entries of a list begin and end."""
    start = next((at + 1 for at, line in enumerate(lines) if line == f"{key} = [\n"), None)
    end = next((at for at in range(start or 0, len(lines)) if lines[at] == "]\n"), None)
    if start is None or end is None:
        raise EditError(f"pyproject.toml has no list {key!r} with one entry a line.")
    return start, end


def _entry(line: str) -> str:
    found = re.match(r'\s*"([^"]+)"', line)
    return found[1] if found else ""


def distribution(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()
