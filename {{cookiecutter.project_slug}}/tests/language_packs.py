"""The files in `docs/how-to/language-packs.md`, as whoever follows it would write them."""

import re
from pathlib import Path
from typing import Any

import yaml

from .processes import PROJECT

PAGE = PROJECT / "docs/how-to/language-packs.md"
FILE = re.compile(r"^`([\w./]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A line that names a file, and the block below it."""


def written(folder: Path) -> dict[str, Any]:
    """Write the files into a folder; the application that they make."""
    for path, content in FILE.findall(PAGE.read_text(encoding="utf-8")):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    return yaml.safe_load((folder / "packs.yaml").read_text(encoding="utf-8"))
