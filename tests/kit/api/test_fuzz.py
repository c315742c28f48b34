"""Answers to requests that are made up from the OpenAPI document are as it says."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from servekit.testing import project
from servekit.testing.authenticated_client import HEADERS

from tests.fuzzing import Findings, fuzzed, in_process

PHASES = {"examples", "coverage"}
"""The same requests each time; `make fuzz` of the template adds many more, made up at random."""


@pytest.fixture(scope="module")
def findings() -> Findings:
    with random_numbers_elsewhere():
        return fuzzed(in_process(project.tested().wiring.development()), HEADERS, PHASES)


@contextmanager
def random_numbers_elsewhere() -> Iterator[None]:
    """Draw random numbers in another thread, as a service does now and then, such as for a trace.

    On a busy machine that came while a request was made up, which Hypothesis took for a fault.
    """
    ended = Event()

    def draw() -> None:
        while not ended.wait(0.001):
            random.random()

    drawing = Thread(target=draw)
    drawing.start()
    try:
        yield
    finally:
        ended.set()
        drawing.join()


def test_every_answer_is_one_that_the_document_has(findings: Findings) -> None:
    assert findings.failures == {}, str(findings)


def test_enough_was_asked_and_answered(findings: Findings) -> None:
    assert findings.errors == []
    assert findings.cases >= 10 * len([*project.tested().wiring.paths()])
    assert findings.statuses.keys() >= {200, 404, 405, 422}
