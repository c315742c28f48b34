"""`make load` sends again what the page tells clients to send again."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from httpx2 import Response

from servekit.commands.load.retries import LONGEST_PAUSE_S, pause_s
from servekit.testing.subprocesses import PROJECT

PAGE = PROJECT / "docs/how-to/retry-requests.md"
PROBLEM = {"content-type": "application/problem+json"}
TEXT = {"content-type": "text/plain"}

ANSWERS = [
    (200, {}, False),
    (401, PROBLEM, False),
    (404, PROBLEM, False),
    (404, TEXT, True),
    (422, PROBLEM, False),
    (429, PROBLEM | {"retry-after": "3"}, True),
    (500, PROBLEM, False),
    (500, TEXT, True),
    (502, {}, True),
    (503, PROBLEM | {"retry-after": "1"}, True),
    (503, TEXT, True),
    (504, PROBLEM, False),
    (504, TEXT, True),
]


@pytest.mark.parametrize(("status", "headers", "again"), ANSWERS)
def test_what_is_sent_again(status: int, headers: Mapping[str, str], again: bool) -> None:
    assert (pause_s(0, status, headers) is not None) is again


@pytest.mark.slow  # for it reads a page
@pytest.mark.parametrize(("status", "headers", "again"), ANSWERS)
def test_the_page_says_the_same(status: int, headers: Mapping[str, str], again: bool) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    response = Response(status, headers=dict(headers))
    assert names["is_worth_another_try"](response) is again


def test_a_connection_that_was_lost_is_made_again() -> None:
    assert pause_s(0, 0, {}) is not None


def test_pauses_grow_up_to_a_bound_and_are_what_the_service_asks_for() -> None:
    pauses = [pause_s(attempt, 503, {}) or 0 for attempt in range(20)]
    assert 0.1 <= pauses[0] <= 0.15
    assert LONGEST_PAUSE_S <= pauses[-1] <= 1.5 * LONGEST_PAUSE_S
    assert 9 <= (pause_s(0, 429, {"retry-after": "9"}) or 0) <= 13.5
    assert (pause_s(0, 503, {"retry-after": "Mon, 30 Nov 2026 00:00:00 GMT"}) or 0) < 1
