"""Every render passes its own tests without Ray, two at a time where there are two processors."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from . import projections
from .answers import matrix
from .conftest import Render
from .environment import Done, said
from .template import files

RENDERS = matrix()


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, pool: ThreadPoolExecutor, render: Callable[..., Render]
) -> dict[str, Future[Done]]:
    """For each render that is asked for, the run of its tests; one run for those that look the
    same to them."""
    here: list[Any] = [item for item in request.session.items if item.path == request.path]
    names: list[str] = [item.callspec.id for item in here if hasattr(item, "callspec")]
    runs: dict[str, Future[Done]] = {}
    outcomes: dict[str, Future[Done]] = {}
    for name in names:
        seen = projections.seen(files(render(**RENDERS[name]).folder))
        key = projections.identity(seen)
        if key not in runs:
            runs[key] = pool.submit(projections.run_tests, seen)
        outcomes[name] = runs[key]
    return outcomes


@pytest.mark.parametrize("name", RENDERS)
def test_a_project_passes_its_own_tests(name: str, outcomes: dict[str, Future[Done]]):
    done = outcomes[name].result()
    assert done.returncode == 0, said(done)
