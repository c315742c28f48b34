"""What a project's own tests see of it, so that projects that differ elsewhere are tested once."""

import os
import shutil
from collections.abc import Collection, Mapping
from fnmatch import fnmatch
from hashlib import sha256
from threading import current_thread

from scripts.kit import kit_tests

from .conftest import Render
from .environment import ENVIRONMENT, Done, run
from .template import files, named

UNSEEN = (
    "*.md",
    ".devcontainer/*",
    ".dockerignore",
    ".editorconfig",
    ".github/*",
    ".gitignore",
    ".gitlab-ci.yml",
    ".pre-commit-config.yaml",
    ".template.json",
    "Dockerfile",
    "LICENSE",
    "NOTICE",
    "compose.yaml",
)
"""What no test of a project reads. They run without these, so one that does would fail."""

Files = Mapping[str, bytes]


def seen(project: Files) -> Files:
    return {
        path: content
        for path, content in project.items()
        if not any(fnmatch(path, pattern) for pattern in UNSEEN)
    }


def with_kit_tests(project: Render, features: Collection[str]) -> Files:
    """What tests see of a project, and beside its tests those of the kit for these features."""
    kit = {
        path: named(content.decode(), project.answers).encode()
        for path, content in kit_tests(features).items()
    }
    return {**seen(files(project.folder)), **kit}


def identity(project: Files) -> str:
    return sha256(repr(sorted(project.items())).encode()).hexdigest()


def run_tests(project: Files, *arguments: str) -> Done:
    """Run the tests without Ray of a project that consists of these files."""
    # One folder a thread, and times that follow from contents: most bytecode is found again.
    # `scripts/suite.py` runs two pytests at a time, whose threads have the same names.
    process = os.environ.get("PROJECTIONS", "alone")
    folder = ENVIRONMENT.parent / "projections" / process / current_thread().name
    shutil.rmtree(folder, ignore_errors=True)
    for path, content in project.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        seconds = int(sha256(content).hexdigest()[:7], 16)
        os.utime(file, (seconds, seconds))
    scratch = f"--basetemp={folder.with_suffix('.tmp')}"
    fast = "not serve and not slow"
    options = ["-q", "--tb=short", "-m", fast, scratch]
    return run(folder, "python", "-m", "pytest", *options, *arguments)
