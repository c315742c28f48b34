"""Renders over a real local Ray Serve, by their own `make test-serve`.

Each run starts a Ray of its own, and more than one where launchers are tested, so none repeats
what another shows as well:

| run | its tests |
|---|---|
| all, fast profile | every one |
| bare, fast profile | all but `SHOWN_BY_ALL`: what is the same without features |
| all, Python proxy | all but `THE_SAME_BEHIND_ANY_PROXY`: no proxy has a part in it |
| a gate alone, fast profile | those of its name |

A test that is new runs in the first three until somebody puts it on a list here. In a project,
`make test-serve` runs every test there is.
"""

from collections.abc import Callable, Sequence

import pytest

from .answers import ALL, BARE, FEATURES, Answers
from .conftest import Render
from .environment import make, said
from .template import PROJECT

pytestmark = pytest.mark.serve

# What lets callers in, or does not, must not count on another feature.
GATES = [name for name in ("auth", "rate_limit") if name in FEATURES]

SHOWN_BY_ALL = (
    "tests/deployments/test_language_packs.py",  # beside the service, and no part of it
    "tests/ingress/test_applications.py",  # Serve's own doing, with more replicas to leave alone
    "tests/ingress/test_launch.py",  # the launcher knows no features
    "tests/ingress/test_swapping.py",  # with a cache in the way there is more to go wrong
    "tests/load",  # the same Locust, the same report
)

THE_SAME_BEHIND_ANY_PROXY = (
    "tests/deployments/test_language_packs.py",  # between the ingress and its models
    "tests/features/test_composition_kills.py",  # between the ingress and its models
    "tests/features/test_cache_serve.py",  # between the ingress and its store
    "tests/features/test_feedback_postgresql.py",  # without Ray
    "tests/features/test_feedback_serve.py::test_of_a_thousand_at_once_none_is_lost_or_doubled",
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
    "tests/routes/test_answered_by.py",  # which model answers is said by the ingress
)


def but(*left_out: str) -> str:
    """Options of pytest for all tests but these files, folders and functions."""
    options = [f"--{'deselect' if '::' in one else 'ignore'}={one}" for one in left_out]
    return " ".join(["-p no:cacheprovider", *options])


@pytest.mark.parametrize(
    ("answers", "left_out"), [(ALL, ()), (BARE, SHOWN_BY_ALL)], ids=["all", "bare"]
)
def test_a_project_answers_over_the_fast_profile(
    answers: Answers, left_out: Sequence[str], render: Callable[..., Render]
):
    done = make(render(**answers).folder, "test-serve", PYTEST_ADDOPTS=but(*left_out))
    assert done.returncode == 0, said(done)


def test_a_project_answers_over_the_python_proxy(render: Callable[..., Render]):
    others = but(*THE_SAME_BEHIND_ANY_PROXY)
    done = make(render(**ALL).folder, "test-serve", PROXY="python", PYTEST_ADDOPTS=others)
    assert done.returncode == 0, said(done)


@pytest.mark.parametrize("name", GATES)
def test_a_gate_stands_alone_over_the_fast_profile(name: str, render: Callable[..., Render]):
    own = f"-p no:cacheprovider -k test_{name}"
    done = make(render(**BARE | {name: True}).folder, "test-serve", PYTEST_ADDOPTS=own)
    assert done.returncode == 0, said(done)


@pytest.mark.parametrize("one", sorted({*SHOWN_BY_ALL, *THE_SAME_BEHIND_ANY_PROXY}))
def test_what_is_left_out_of_a_run_is_there(one: str):
    path, _, function = one.partition("::")
    assert (PROJECT / path).exists()
    assert not function or f"def {function}(" in (PROJECT / path).read_text(encoding="utf-8")
