"""Receipts of the feature `feedback`, one by one."""

import pytest

from servekit.features.feedback.receipts import Answer, Content, Receipts

CONTENT = Content("what was asked", "what was answered")
ANSWER = Answer("request-1", "ada", "triage", "triage:2", CONTENT)
SECRET, OTHER = b"s" * 32, b"o" * 32


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def receipts(*secrets: bytes, clock: Clock | None = None) -> Receipts:
    return Receipts(list(secrets or [SECRET]), 3600, clock or Clock())


def test_a_receipt_is_good_for_its_answer_alone() -> None:
    issued = receipts().issue(ANSWER)
    found = receipts().check(issued, "request-1", "ada", CONTENT)
    assert found
    assert (found.model, found.version) == ("triage", "triage:2")
    assert receipts().check(issued, "request-1", "ada") == found
    assert receipts().check(issued, "request-2", "ada") is None
    assert receipts().check(issued, "request-1", "bob") is None
    without_output = CONTENT._replace(output=None)
    assert receipts().check(issued, "request-1", "ada", without_output) == found
    for other in (CONTENT._replace(input="x"), CONTENT._replace(output="x")):
        assert receipts().check(issued, "request-1", "ada", other) is None
    swapped = Content(ANSWER.content.output or "", ANSWER.content.input)
    assert receipts().check(issued, "request-1", "ada", swapped) is None
    assert receipts(OTHER).check(issued, "request-1", "ada") is None


def test_request_and_owner_cannot_trade_letters() -> None:
    issued = receipts().issue(ANSWER)
    assert receipts().check(issued, "request-1a", "da") is None
    assert receipts().check(issued, "request-", "1ada") is None


def test_no_character_of_a_receipt_can_be_another() -> None:
    issued = receipts().issue(ANSWER)
    altered = {
        issued[:place] + other + issued[place + 1 :]
        for place in range(len(issued))
        for other in "A_z9=+ é"
    } - {issued}
    checks = {receipts().check(one, "request-1", "ada") for one in altered}
    assert checks == {None}
    for one in [issued[1:], issued[:-1], issued + "A", issued + "=", f" {issued}", ""]:
        assert receipts().check(one, "request-1", "ada") is None


def test_a_receipt_shows_neither_content_nor_owner_nor_request() -> None:
    from base64 import urlsafe_b64decode

    once, again = receipts().issue(ANSWER), receipts().issue(ANSWER)
    contents = [urlsafe_b64decode(one + "==") for one in (once, again)]
    for part in (b"ada", b"request", b"what"):
        assert part not in contents[0] + contents[1]
    # Equal contents cannot be told from different ones: but for time and model nothing is the same.
    for start in (5, 21, 37):
        assert contents[0][start : start + 16] != contents[1][start : start + 16]
    assert len(once) < 120


@pytest.mark.parametrize(("age_s", "is_good"), [(0, True), (3600, True), (3601, False)])
def test_a_receipt_expires(age_s: int, is_good: bool) -> None:
    clock = Clock()
    issued = receipts(clock=clock).issue(ANSWER)
    clock.now += age_s
    assert bool(receipts(clock=clock).check(issued, "request-1", "ada")) is is_good


def test_the_secret_before_is_accepted_and_does_not_sign() -> None:
    before = receipts(OTHER).issue(ANSWER)
    rotated = receipts(SECRET, OTHER)
    assert rotated.check(before, "request-1", "ada", CONTENT)
    assert receipts(OTHER).check(rotated.issue(ANSWER), "request-1", "ada") is None


def test_owners_are_known_by_each_secret() -> None:
    before = receipts(OTHER).check(receipts(OTHER).issue(ANSWER), "request-1", "ada")
    assert before
    assert before.owner in set(receipts(SECRET, OTHER).owners("ada"))
    assert before.owner not in set(receipts(SECRET, OTHER).owners("bob"))
