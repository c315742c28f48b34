"""Answers to requests that are made up from the OpenAPI document are as it says."""

import pytest

from servekit.testing import project
from servekit.testing.authenticated_client import HEADERS

from tests.fuzzing import Findings, fuzzed, in_process

PHASES = {"examples", "coverage"}
"""The same requests each time; `make fuzz` of the template adds many more, made up at random."""


@pytest.fixture(scope="module")
def findings() -> Findings:
    return fuzzed(in_process(project.tested().wiring.development()), HEADERS, PHASES)


def test_every_answer_is_one_that_the_document_has(findings: Findings) -> None:
    assert findings.failures == {}, str(findings)


def test_enough_was_asked_and_answered(findings: Findings) -> None:
    assert findings.errors == []
    assert findings.cases >= 10 * len([*project.tested().wiring.paths()])
    assert findings.statuses.keys() >= {200, 404, 405, 422}
