"""Golden examples of a contract: read, compared, and what a version that fails them is told."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from pydantic import BaseModel, Field

from servekit.contracts import Contract
from servekit.registry.errors import ModelStoreError
from servekit.registry.golden import (
    GOLDEN,
    GoldenExample,
    as_answered,
    check_golden,
    golden_bytes,
    matches,
    read_golden,
)
from servekit.registry.store import open_model
from servekit.registry.version_files import ModelFiles
from servekit.testing.versions import publish


class Customer(BaseModel):
    months: int = Field(ge=0)


class Reason(NamedTuple):
    name: str


class Risk(BaseModel):
    churn: float = Field(alias="churnRisk")
    reasons: list[Reason] = []


CHURN = Contract("churn", Customer, Risk)
EXAMPLE = GoldenExample({"months": 3}, {"churnRisk": 0.25})


class Churn:
    def predict(self, items: Sequence[Customer]) -> list[Risk]:
        return [Risk(churnRisk=1 / (1 + item.months)) for item in items]


class AwaitedChurn:
    async def predict(self, items: Sequence[Customer]) -> list[Risk]:
        return Churn().predict(items)


def version(store: Path, content: bytes) -> ModelFiles:
    publish(store, "churn", "1", {GOLDEN: content})
    return open_model(store.as_uri(), "churn:1")


@pytest.mark.parametrize("model", [Churn(), AwaitedChurn()])
async def test_model_that_answers_as_its_examples_say_is_sound(tmp_path: Path, model: Any) -> None:
    files = version(tmp_path, golden_bytes([EXAMPLE, GoldenExample({"months": 0}, {})]))
    assert read_golden(files, CHURN)[0].item(CHURN) == Customer(months=3)
    check_golden(files, CHURN, model)


def test_version_that_fails_an_example_is_refused(tmp_path: Path) -> None:
    wrong = GoldenExample({"months": 1}, {"churnRisk": 0.6})
    files = version(tmp_path, golden_bytes([EXAMPLE, wrong]))
    expected = (
        r"^churn:1 fails one of its own examples: line 2 of .*golden\.jsonl expects"
        r' {"churnRisk": 0\.6}, but it answers {"churnRisk":0\.5,"reasons":\[\]}\.$'
    )
    with pytest.raises(ModelStoreError, match=expected):
        check_golden(files, CHURN, Churn())


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b'"text"',
        b"\xff",
        b"[" * 100_000,
        b'{"input": {"months": 1}}',
        b'{"input": {"months": -1}, "output": {}}',
        b'{"input": {}, "output": {}, "note": 1}',
    ],
)
def test_line_that_is_no_example_is_named(tmp_path: Path, line: bytes) -> None:
    files = version(tmp_path, golden_bytes([EXAMPLE]) + line + b"\n")
    with pytest.raises(ModelStoreError, match=r"^Line 2 of .* is not an input of churn with its"):
        read_golden(files, CHURN)


def test_version_without_examples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError, match=r"golden\.jsonl holds no examples\.$"):
        read_golden(version(tmp_path, b""), CHURN)
    publish(tmp_path, "churn", "1", {"model.bin": b"1"})
    with pytest.raises(ModelStoreError, match=r"names no file 'golden\.jsonl'"):
        read_golden(open_model(tmp_path.as_uri(), "churn:1"), CHURN)


RISK = Risk(churnRisk=0.5, reasons=[Reason("price")])


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"churnRisk": 0.5004}, RISK),
        ({"reasons": [["price"]]}, RISK),
        ({"name": "price"}, Reason("price")),
        ({}, RISK),
        (1, 1.0),
        (None, None),
        (1_000_000, 1_000_500),
    ],
)
def test_what_an_example_names_is_compared(expected: Any, actual: Any) -> None:
    assert matches(expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"churnRisk": 0.51}, RISK),
        ({"reasons": []}, RISK),
        ({"risk": None}, RISK),
        ([0.5], 0.5),
        (1, True),
        ("1", 1),
        (None, ...),
    ],
)
def test_another_answer_is_told_from_the_expected_one(expected: Any, actual: Any) -> None:
    assert not matches(expected, actual)


class Point(NamedTuple):
    x: float


@pytest.mark.parametrize(
    ("output", "value", "expected"),
    [
        (dict[int, float], {1: 0.5}, {"1": 0.5}),
        (set[str], {"a"}, ["a"]),
        (float, np.float64(0.5), 0.5),
        (Point, Point(0.5), {"x": 0.5}),
        (Point, [0.5], {"x": 0.5}),
    ],
)
def test_answers_are_compared_as_callers_get_them(output: Any, value: Any, expected: Any) -> None:
    contract = Contract("any", str, output)
    assert matches(expected, as_answered(contract, value))
    assert not matches({"y": 1}, as_answered(contract, value))


def test_an_object_is_expected_of_no_text() -> None:
    assert not matches({}, "x")


@pytest.mark.parametrize("answers", [iter([RISK]), [], [RISK, RISK], RISK])
def test_a_model_that_gives_no_answer_each_is_refused(tmp_path: Path, answers: Any) -> None:
    class Wrong:
        def predict(self, items: Any) -> Any:
            return answers

    files = version(tmp_path, golden_bytes([EXAMPLE]))
    with pytest.raises(ModelStoreError, match="predict has to give a sequence of 1 answers"):
        check_golden(files, CHURN, Wrong())
