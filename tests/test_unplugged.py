"""A feature that is not plugged in is missed by its own tests."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from . import projections
from .answers import ALL, FEATURES
from .conftest import Render
from .environment import Done, said
from .template import files, template_files

PLUGS = "src/acme_service/features.py"
PLUGGED = [name for name in FEATURES if f"cookiecutter.{name} ".encode() in template_files()[PLUGS]]

BEGINNINGS = ("tests/features/", "tests/ingress/", "tests/models/sources/")
"""Where tests of features are."""


@pytest.fixture(scope="module")
def outcomes(pool: ThreadPoolExecutor, render: Callable[..., Render]) -> dict[str, Future[Done]]:
    """For each feature, the run of its tests in the whole project without its block."""
    project = render(**ALL)
    whole = projections.with_kit_tests(project, FEATURES)
    plugs = PLUGS.replace("acme_service", str(project.answers["package_name"]))
    outcomes: dict[str, Future[Done]] = {}
    for name in PLUGGED:
        block_less = files(render(**ALL | {name: False}).folder)[plugs]
        tests = [path for path in whole if path.startswith(BEGINNINGS) and f"/test_{name}" in path]
        unplugged = {**whole, plugs: block_less}
        outcomes[name] = pool.submit(projections.run_tests, unplugged, "--exitfirst", *tests)
    return outcomes


@pytest.mark.parametrize("name", PLUGGED)
def test_a_feature_is_missed_by_its_tests(name: str, outcomes: dict[str, Future[Done]]):
    done = outcomes[name].result()
    assert done.returncode == 1, said(done)  # 1: tests ran, and one failed
