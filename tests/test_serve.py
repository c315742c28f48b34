"""Renders over a real local Ray Serve, by their own `make test-serve`."""

from collections.abc import Callable

import pytest

from .answers import ALL, BARE, FEATURES, Answers
from .conftest import Render
from .environment import make, said

pytestmark = pytest.mark.serve

# What lets callers in, or does not, must not count on another feature.
GATES = [name for name in ("auth", "rate_limit") if name in FEATURES]


@pytest.mark.parametrize("answers", [ALL, BARE], ids=["all", "bare"])
def test_a_project_answers_over_the_fast_profile(answers: Answers, render: Callable[..., Render]):
    done = make(render(**answers).folder, "test-serve")
    assert done.returncode == 0, said(done)


def test_a_project_answers_over_the_python_proxy(render: Callable[..., Render]):
    done = make(render(**ALL).folder, "test-serve", PROXY="python")
    assert done.returncode == 0, said(done)


@pytest.mark.parametrize("name", GATES)
def test_a_gate_stands_alone_over_the_fast_profile(name: str, render: Callable[..., Render]):
    own = f"-p no:cacheprovider -k test_{name}"
    done = make(render(**BARE | {name: True}).folder, "test-serve", PYTEST_ADDOPTS=own)
    assert done.returncode == 0, said(done)
