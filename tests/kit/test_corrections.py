"""Files of corrections, of any contract."""

import json
from typing import Literal

import pytest
from pydantic import BaseModel

from servekit.contracts import Contract
from servekit.corrections import CorrectionsError, read_corrections


class Ticket(BaseModel):
    subject: str


class Verdict(BaseModel):
    team: Literal["billing", "support"]


TRIAGE = Contract("triage", Ticket, str, label=Verdict)
LINE = {"input": {"subject": "a"}, "label": {"team": "billing"}}
READ = (Ticket(subject="a"), Verdict(team="billing"))


def test_corrections_of_other_models_are_skipped() -> None:
    other = {"model": "mood", "input": 1, "label": "s3cret"}
    more = LINE | {"model": "triage", "version": "triage:1", "output": "support"}
    lines = [json.dumps(one) for one in (LINE, other, more)]
    assert read_corrections(TRIAGE, [*lines, "\n", ""]) == [READ, READ]


@pytest.mark.parametrize(
    "line",
    [
        "s3cret",
        "7",
        '["s3cret"]',
        "{}",
        "[" * 100_000,
        '{"input": {"subject": "s3cret"}}',
        '{"input": {"subject": "s3cret\\ud800"}, "label": {"team": "billing"}}',
        '{"input": {"subject": 1}, "label": {"team": "billing"}}',
        '{"input": {"subject": "a"}, "label": {"team": "s3cret"}}',
    ],
)
def test_a_line_that_is_no_correction_is_named_and_not_repeated(line: str) -> None:
    with pytest.raises(CorrectionsError, match="Line 2 of the corrections") as caught:
        read_corrections(TRIAGE, [json.dumps(LINE), line])
    assert "s3cret" not in str(caught.value)
