"""The files in `docs/how-to/language-packs.md`, as whoever follows it would write them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from servekit.testing.cluster import Cluster
from servekit.testing.subprocesses import PROJECT

PAGE = PROJECT / "docs/how-to/language-packs.md"
FILE = re.compile(r"^`([\w./]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A line that names a file, and the block below it."""

WITHOUT_HEALTH = {"packs"}


def files() -> dict[str, str]:
    return dict(FILE.findall(PAGE.read_text(encoding="utf-8")))


def write_files(folder: Path) -> None:
    for path, content in files().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")


def applications(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """What the page adds to `serve.yaml`."""
    write_files(cluster.folder)
    yield yaml.safe_load(files()["packs.yaml"])
