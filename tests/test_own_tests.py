"""Every render passes its own tests without Ray, two at a time where there are two processors.

Where a single feature is missing, these are the tests of several features at once. All others are
run with all features, with each alone, and with any two options of any two prompts.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from . import projections
from .answers import CONFIG, matrix
from .conftest import Render
from .environment import Done, said
from .template import files

RENDERS = matrix()

SHARED = [
    path
    for condition, paths in CONFIG["_features"].items()
    for path in paths
    if " & " in condition and path.startswith("tests/")
]
"""The tests of several features at once."""


def chosen(name: str, seen: projections.Files) -> list[str]:
    """The tests that a render runs; none stands for all."""
    return [path for path in SHARED if path in seen] if name.startswith("without ") else []


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, pool: ThreadPoolExecutor, render: Callable[..., Render]
) -> dict[str, Future[Done]]:
    """For each render that is asked for, the run of its tests; one run for those that look the
    same to them."""
    here: list[Any] = [item for item in request.session.items if item.path == request.path]
    names: list[str] = [item.callspec.id for item in here if hasattr(item, "callspec")]
    runs: dict[tuple[str, ...], Future[Done]] = {}
    outcomes: dict[str, Future[Done]] = {}
    for name in names:
        seen = projections.seen(files(render(**RENDERS[name]).folder))
        tests = chosen(name, seen)
        key = (projections.identity(seen), *tests)
        if key not in runs:
            runs[key] = pool.submit(projections.run_tests, seen, *tests)
        outcomes[name] = runs[key]
    return outcomes


@pytest.mark.parametrize("name", RENDERS)
def test_a_project_passes_its_own_tests(name: str, outcomes: dict[str, Future[Done]]):
    done = outcomes[name].result()
    assert done.returncode == 0, said(done)
