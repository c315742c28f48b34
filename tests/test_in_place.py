"""The template runs where it stands, and leaves nothing there for cookiecutter to copy."""

import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from .answers import ALL
from .conftest import Render
from .template import PROJECT, files, template_files

CALLER = {"VENV", "SYNCED", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "RUFF_CACHE_DIR", "PYTEST_ADDOPTS"}


@pytest.fixture
def unchanged() -> Iterator[None]:
    """Asserts that the folder holds the same files, byte for byte, when the test is over."""
    before = files(PROJECT)
    yield
    after = files(PROJECT)
    assert sorted(after.keys() ^ before.keys()) == []
    assert [path for path, content in after.items() if content != before[path]] == []


def make_in_place(*arguments: str) -> subprocess.CompletedProcess[str]:
    # As typed in a fresh shell: what our own make exports must not help.
    typed = {name: value for name, value in os.environ.items() if name not in CALLER}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, env=typed, capture_output=True, text=True, check=False
    )


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("target", ["setup", "train"])
def test_running_in_place_works_and_leaves_nothing(target: str):
    done = make_in_place(target)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.serve
@pytest.mark.usefixtures("unchanged")
def test_running_on_ray_serve_in_place_works_and_leaves_nothing():
    # A few tests will do here: renders run them all.
    done = make_in_place("test-serve", "PYTEST_ADDOPTS=-p no:cacheprovider -k test_service")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_folder_holds_what_git_knows_and_nothing_else():
    assert sorted(files(PROJECT).keys() ^ template_files().keys()) == []


@pytest.mark.usefixtures("unchanged")
def test_a_render_after_a_check_in_place_is_the_same(
    render: Callable[..., Render], render_again: Callable[..., Render]
):
    before = files(render(**ALL).folder)
    done = make_in_place("check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert files(render_again(**ALL).folder) == before
