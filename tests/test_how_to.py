"""What a how-to of the project shows is done to a copy of it, and its own test runs there."""

import re
from pathlib import Path

import pytest

from .environment import run, said
from .projections import seen
from .template import PROJECT, template_files

PAGE = PROJECT / "docs/how-to/version-the-api.md"
NEW_FILE = re.compile(r"^`([\w./]+)`[^\n]*:\n\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CHANGED_FILE = re.compile(
    r"^In `([\w./]+)`[^\n]*:\n\n((?:```diff\n.*?^```\n\n)+)", re.DOTALL | re.MULTILINE
)
DIFF = re.compile(r"^```diff\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def side(diff: str, other: str) -> str:
    """The lines of a diff before or after it: all but those that begin with `other`."""
    return "".join(
        line[1:] for line in diff.splitlines(keepends=True) if not line.startswith(other)
    )


@pytest.fixture
def versioned(tmp_path: Path) -> Path:
    """The project with a second version of a route, as the page says."""
    text = PAGE.read_text(encoding="utf-8")
    for path, content in seen(template_files()).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    for path, content in NEW_FILE.findall(text):
        assert not (tmp_path / path).exists()
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content, encoding="utf-8")
    for path, diffs in CHANGED_FILE.findall(text):
        file = tmp_path / path
        for diff in DIFF.findall(diffs):
            before = file.read_text(encoding="utf-8")
            assert before.count(side(diff, "+")) == 1, diff
            file.write_text(before.replace(side(diff, "+"), side(diff, "-")), encoding="utf-8")
    return tmp_path


def test_a_second_version_of_a_route_is_added_as_shown(versioned: Path):
    tests = "tests/routes/test_versions.py"
    done = run(versioned, "python", "-m", "pytest", "-q", "-m", "not serve", tests)
    assert "4 passed" in done.stdout, said(done)
    checked = ["src/acme_service/api", tests]
    for command in (["format", "--check"], ["check"]):
        done = run(versioned, "ruff", *command, *checked)
        assert done.returncode == 0, said(done)
