"""Renders over a real local Ray Serve, by their own `make test-serve`."""

import os
from collections.abc import Callable

import pytest

from .answers import ALL, BARE, Answers
from .conftest import Render
from .test_renders import in_the_shared_environment

pytestmark = pytest.mark.serve


@pytest.mark.parametrize("answers", [ALL, BARE], ids=["all", "bare"])
def test_a_project_answers_over_the_fast_profile(answers: Answers, render: Callable[..., Render]):
    done = in_the_shared_environment(render(**answers).folder, "test-serve")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_project_answers_over_the_python_proxy(
    render: Callable[..., Render], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(os.environ, "PROXY", "python")
    done = in_the_shared_environment(render(**ALL).folder, "test-serve")
    assert done.returncode == 0, done.stdout + done.stderr
