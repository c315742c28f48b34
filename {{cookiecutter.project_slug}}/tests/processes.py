"""The project in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]


def environment(**settings: str) -> dict[str, str]:
    """This environment, with the project and its tests importable wherever they are run."""
    paths = [str(PROJECT / "src"), str(PROJECT), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | settings


def start(
    *command: str, settings: dict[str, str] | None = None, **options: Any
) -> subprocess.Popen[Any]:
    """This Python with the given arguments, in the project's folder."""
    return subprocess.Popen(
        [sys.executable, *command], cwd=PROJECT, env=environment(**(settings or {})), **options
    )


def printed_by(source: str) -> str:
    """What a piece of Python prints."""
    process = start("-c", source, text=True, stdout=subprocess.PIPE)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return printed.strip()
