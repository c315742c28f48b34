"""The kit's own tests: put beside the tests of a project, where they run as if they stood there.

`python -m scripts.kit ruff check` does so in build/kit, with the project as it stands in this
repository, and runs that program there.
"""

import json
import os
import re
import sys
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

from .export import ROOT, known_to_git

PROJECT = "{{cookiecutter.project_slug}}"
TESTS = Path("tests/kit")
BUILD = ROOT / "build"
FEATURES = [
    name
    for name, default in json.loads((ROOT / "cookiecutter.json").read_text("utf-8")).items()
    if isinstance(default, bool)
]

EITHER = {
    "stores/": {"cache", "rate_limit"},
    "redis_server.py": {"cache", "rate_limit"},
    "protocol_clients.py": {"open_inference", "grpc"},
    "protocol_clients.txt": {"open_inference", "grpc"},
}
"""What needs any one of some features, by the beginning of its path."""

Files = Mapping[str, bytes]


@cache
def all_tests() -> Files:
    """The kit's tests, by path from their folder."""
    paths = known_to_git(TESTS.as_posix())
    return {path.relative_to(TESTS).as_posix(): (ROOT / path).read_bytes() for path in paths}


def kit_tests(features: Collection[str]) -> Files:
    """The kit's tests for a project with these features, by path from the project.

    A file needs the features that its path names.
    """
    found: dict[str, bytes] = {}
    for inside, content in all_tests().items():
        needed = {one for one in FEATURES if re.search(rf"(?<![a-z]){one}(?![a-z])", inside)}
        either = next((some for start, some in EITHER.items() if inside.startswith(start)), None)
        if needed <= {*features} and (either is None or either & {*features}):
            found[f"tests/{inside}"] = content
    return found


def write(folder: Path, files: Files) -> None:
    """Make `folder` hold these files and no others; those that are there already stay untouched.

    What is not written again keeps its time, and with it its bytecode.
    """
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    for name in [name for name, path in there.items() if path.is_file() and name not in files]:
        there[name].unlink()
    for name, content in files.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def in_place() -> Files:
    """The project as it stands in the repository, with all of the kit's tests."""
    paths = known_to_git(PROJECT)
    project = {path.relative_to(PROJECT).as_posix(): (ROOT / path).read_bytes() for path in paths}
    # What makes the folder run where it stands has no business in a copy.
    makefile = project["Makefile"].replace(b"include ../in-place.mk\n", b"")
    return {**project, **kit_tests(FEATURES), "Makefile": makefile}


def main() -> None:
    folder = BUILD / "kit"
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, in_place())
    settings = {
        "PYTHONPATH": os.pathsep.join([str(folder / "src"), str(ROOT / "tests/absent")]),
        "PYTHONPYCACHEPREFIX": str(BUILD / "bytecode"),
        "PYTEST_ADDOPTS": "-p no:cacheprovider -p no:schemathesis",
    }
    program, *arguments = sys.argv[1:]
    os.chdir(folder)
    os.execve(Path(sys.executable).with_name(program), [program, *arguments], os.environ | settings)


if __name__ == "__main__":
    main()
