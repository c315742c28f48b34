"""The kit and renders over a real local Ray Serve, by a project's own `make test-serve`.

Each run starts a Ray of its own, and more than one where launchers are tested, so none repeats
what another shows as well:

| run | its tests |
|---|---|
| all features and the kit's tests, fast profile | every one |
| the same, Python proxy | all but `THE_SAME_BEHIND_ANY_PROXY`: no proxy has a part in it |
| bare, fast profile | the project's own |
| bare with a model of each kind of `make model`, fast profile | those of its models |
| a gate alone, fast profile | the project's own, and the kit's of its name |
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.kit import in_place, write

from . import projections
from .answers import BARE, FEATURES, LEAST
from .conftest import Render
from .environment import make, said
from .template import files
from .test_scaffold import KINDS

pytestmark = pytest.mark.serve

# What lets callers in, or does not, must not count on another feature.
GATES = [name for name in ("auth", "rate_limit") if name in FEATURES]

THE_SAME_BEHIND_ANY_PROXY = (
    "tests/deployments/test_language_packs.py",  # between the ingress and its models
    "tests/features/test_composition_kills.py",  # between the ingress and its models
    # Between the ingress and its stores.
    "tests/features/test_auth_cache_feedback_metrics_rate_limit_serve.py",
    "tests/features/test_cache_serve.py",  # between the ingress and its store
    "tests/features/test_feedback_postgresql.py",  # without Ray
    "tests/features/test_feedback_postgresql_serve.py",  # between the ingress and its database
    "tests/features/test_feedback_serve.py::test_of_a_thousand_at_once_none_is_lost_or_doubled",
    # What the replicas count.
    "tests/features/test_metrics_serve.py::test_prometheus_has_a_series_for_each_line",
    "tests/features/test_metrics_serve.py::test_the_variables_of_a_dashboard_have_values",
    "tests/features/test_tracing_export.py",  # without Ray
    "tests/ingress/test_launch.py::test_a_damaged_model_stops_the_start_and_is_named",
    "tests/ingress/test_launch.py::test_a_service_that_takes_too_long_says_which_setting",
    "tests/ingress/test_launch.py::test_a_signal_to_all_that_it_started_leaves_nothing",
    "tests/ingress/test_launch.py::test_ray_that_does_not_start_is_one_sentence",
    "tests/ingress/test_launch.py::test_serve_that_does_not_start_is_one_sentence",
    "tests/ingress/test_launch.py::test_stopping_at_any_moment_leaves_nothing",
    "tests/ingress/test_swapping.py",  # between the ingress and its models
    "tests/load",  # without Ray
    "tests/models",  # without Ray
    "tests/test_models.py",  # between the ingress and its models
    "tests/routes/test_answered_by.py",  # which model answers is said by the ingress
)


def but(*left_out: str) -> str:
    """Options of pytest for all tests but these files, folders and functions."""
    options = [f"--{'deselect' if '::' in one else 'ignore'}={one}" for one in left_out]
    return " ".join(["-p no:cacheprovider", *options])


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it stands in the template, with the tests of the kit."""
    folder = tmp_path_factory.mktemp("kit")
    write(folder, in_place())
    return folder


def test_the_kit_answers_over_the_fast_profile(kit: Path):
    done = make(kit, "test-serve")
    assert done.returncode == 0, said(done)


def test_the_kit_answers_over_the_python_proxy(kit: Path):
    others = but(*THE_SAME_BEHIND_ANY_PROXY)
    done = make(kit, "test-serve", PROXY="python", PYTEST_ADDOPTS=others)
    assert done.returncode == 0, said(done)


def test_a_bare_project_answers_over_the_fast_profile(render: Callable[..., Render]):
    done = make(render(**BARE).folder, "test-serve")
    assert done.returncode == 0, said(done)


def test_a_model_of_each_kind_answers_over_the_fast_profile(render_again: Callable[..., Render]):
    project = render_again(**BARE).folder
    for kind in KINDS:
        done = make(project, "model", f"NAME=a_{kind}_model", f"KIND={kind}")
        assert done.returncode == 0, said(done)
    own = "-p no:cacheprovider tests/test_models.py"
    done = make(project, "test-serve", PYTEST_ADDOPTS=own)
    assert done.returncode == 0, said(done)
    assert re.search(rf"\b{len(KINDS) * 4} passed", done.stdout), said(done)


@pytest.mark.parametrize("name", GATES)
def test_a_gate_stands_alone_over_the_fast_profile(
    name: str, render: Callable[..., Render], tmp_path: Path
):
    project = render(**LEAST | {name: True})
    # With its pages, too: an application beside the service is made of one.
    write(tmp_path, {**files(project.folder), **projections.with_kit_tests(project, [name])})
    own = f"-p no:cacheprovider -k test_{name}"
    done = make(tmp_path, "test-serve", PYTEST_ADDOPTS=own)
    assert done.returncode == 0, said(done)


@pytest.mark.parametrize("one", sorted(THE_SAME_BEHIND_ANY_PROXY))
def test_what_is_left_out_of_a_run_is_there(one: str):
    path, _, function = one.partition("::")
    there = in_place()
    assert any(found == path or found.startswith(f"{path}/") for found in there)
    assert not function or f"def {function}(".encode() in there[path]
