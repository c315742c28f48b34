"""A copy of what git knows, or would add: what a user of the template gets, without our litter."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def known_to_git(folder: str = ".") -> list[Path]:
    """Files below `folder` that are tracked, or untracked and not ignored, relative to the root."""
    command = ["git", "ls-files", "-coz", "--exclude-standard", "--deduplicate", "--", folder]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for path in map(Path, listed.split("\0")[:-1]) if (ROOT / path).is_file()]


def export(destination: Path) -> Path:
    """Copy the template into `destination`, which must not exist yet."""
    for path in known_to_git():
        copy = destination / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, copy)
    return destination
