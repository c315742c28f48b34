"""Which of a project's files a file depends on, found in the import statements alone."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256

ROOTS = ("src/", "")
"""Where a project's modules lie."""


@cache
def imported(source: bytes, package: str) -> frozenset[str]:
    """Every module that a source may import: of `from a import b`, both a and a.b.

    package: the one that the source is in, which leading dots refer to.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            origin = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            found |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def package_of(path: str) -> str:
    return path.removeprefix("src/").rpartition("/")[0].replace("/", ".")


def paths_of(module: str) -> Iterator[str]:
    """Where a module of the project would lie, the packages that it is in included."""
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        for root in ROOTS:
            path = root + "/".join(parts[:length])
            yield from (f"{path}.py", f"{path}/__init__.py")


def fingerprints(files: Mapping[str, bytes]) -> dict[str, str]:
    """For each Python file, a hash of all that it depends on in the project, itself included.

    What it could import but cannot find counts too: another project may have it.
    """
    sources = {path: content for path, content in files.items() if path.endswith(".py")}
    own = {path.removeprefix("src/").split("/")[0] for path in sources}
    nearest = {
        path: {
            neighbour
            for module in imported(source, package_of(path))
            if module.split(".")[0] in own
            for neighbour in paths_of(module)
        }
        for path, source in sources.items()
    }
    return {path: fingerprint(path, nearest, sources) for path in sources}


def fingerprint(path: str, nearest: Mapping[str, set[str]], sources: Mapping[str, bytes]) -> str:
    reached: set[str] = set()
    left = [path]
    while left:
        here = left.pop()
        if here not in reached:
            reached.add(here)
            left += nearest.get(here, ())
    parts = [(one, sources.get(one)) for one in sorted(reached)]
    return sha256(repr((path, parts)).encode()).hexdigest()
