"""The kit's own tests, without Ray: with every feature, with none, and with each feature alone."""

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from scripts.export import ROOT
from scripts.kit import EITHER, TESTS, in_place, kit_tests

from . import projections
from .answers import FEATURES, LEAST
from .conftest import Render
from .environment import Done, said

FILES = {Path(path).name for path in kit_tests(FEATURES)}
ALONE = [name for name in FEATURES if f"test_{name}.py" in FILES]
"""The features that the kit has tests of."""


def chosen(features: Collection[str]) -> list[str]:
    """The tests for just these features; without features, those that need none."""
    found = kit_tests(features).keys() - (kit_tests([]).keys() if features else ())
    return sorted(path for path in found if "/test_" in path)


@pytest.fixture(scope="module")
def outcomes(pool: ThreadPoolExecutor, render: Callable[..., Render]) -> dict[str, Future[Done]]:
    """The run of the kit's tests with no feature, and with each alone."""
    outcomes: dict[str, Future[Done]] = {}
    for name, features in {"": [], **{one: [one] for one in ALONE}}.items():
        project = render(**LEAST | dict.fromkeys(features, True))
        both = projections.with_kit_tests(project, features)
        outcomes[name] = pool.submit(projections.run_tests, both, *chosen(features))
    return outcomes


def test_the_kit_passes_its_tests_with_every_feature():
    done = projections.run_tests(in_place(), "-n", "2")
    assert done.returncode == 0, said(done)


@pytest.mark.parametrize("name", ["", *ALONE])
def test_the_kit_passes_its_tests_with_one_feature_at_most(
    name: str, outcomes: dict[str, Future[Done]]
):
    done = outcomes[name].result()
    assert done.returncode == 0, said(done)


@pytest.mark.parametrize("beginning", EITHER)
def test_what_needs_either_feature_is_there(beginning: str):
    assert (ROOT / TESTS / beginning).exists()
