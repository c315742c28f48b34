"""The template as its tests see it: text lines, and what a render should make of them."""

import re
from collections.abc import Mapping
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from scripts.export import ROOT, known_to_git

from .answers import CONFIG

PROJECT = ROOT / "{{cookiecutter.project_slug}}"
STATEMENT = re.compile(r"^\s*# \{[%#].*[%#]\}$")


@cache
def template_files() -> dict[str, bytes]:
    """What the project folder holds, by path from there, without what git ignores."""
    paths = known_to_git(PROJECT.name)
    return {path.relative_to(PROJECT.name).as_posix(): (ROOT / path).read_bytes() for path in paths}


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def is_text(content: bytes) -> bool:
    return b"\0" not in content


def is_copied(path: str) -> bool:
    """Whether cookiecutter copies this file, or a folder above it, without rendering."""
    parts = Path(path).parts
    heads = ("/".join(parts[:length]) for length in range(1, len(parts) + 1))
    patterns = CONFIG["_copy_without_render"]
    return any(fnmatch(head, pattern) for head in heads for pattern in patterns)


def named(text: str, answers: Mapping[str, object]) -> str:
    """`text` with the user's names, longest literal first, none looked at twice."""
    literals = sorted(CONFIG["_names"], key=len, reverse=True)
    pieces = re.split(f"({'|'.join(map(re.escape, literals))})", text)
    return "".join(str(answers.get(CONFIG["_names"].get(piece), piece)) for piece in pieces)


def lines_of(content: bytes) -> list[str]:
    """The lines of a text, endings included; a binary file counts as one line."""
    readable = content.decode() if is_text(content) else content.decode("latin-1")
    return readable.splitlines(keepends=True) if is_text(content) else [readable]


def whole(answers: Mapping[str, object]) -> dict[str, list[str]]:
    """The template folder with its statement lines removed and the names of `answers` put in."""
    return {
        named(path, answers): [
            named(line, answers) if is_text(content) else line
            for line in lines_of(content)
            if not STATEMENT.match(line.rstrip("\r\n"))
        ]
        for path, content in template_files().items()
    }
