"""The Serve configurations that come with the project."""

from pathlib import Path
from typing import Any

import yaml

from tests.processes import PROJECT


def is_for_serve(path: Path) -> bool:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return isinstance(content, dict) and "applications" in content


PATHS = [
    PROJECT / "serve.yaml",
    *(path for path in sorted((PROJECT / "deploy").rglob("*.yaml")) if is_for_serve(path)),
]


def loaded(path: Path = PROJECT / "serve.yaml") -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
