"""The tests that every model gets: sound models pass them, and faulty ones do not."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

import pytest
from pydantic import BaseModel, Field

from servekit.contracts import Contract
from servekit.registry.golden import GOLDEN, GoldenExample, golden_bytes
from servekit.registry.version_files import ModelFiles
from servekit.serving.model import Model
from servekit.testing.asked import Asked
from servekit.testing.model_tests import ModelTests, forbidden
from servekit.testing.versions import publish


class Customer(BaseModel):
    months: Annotated[int, Field(ge=0)]
    plan: Literal["free", "paid"] = "free"


class Risk(NamedTuple):
    churn: float
    plan: str


CHURN = Contract("churn", Customer, Risk, streams=True)
PARITY = Contract("parity", int, bool)
GOLDEN_CHURN = [
    GoldenExample({"months": months, "plan": plan}, {"churn": 1 / (1 + months), "plan": plan})
    for months, plan in [(0, "free"), (1, "paid"), (3, "free")]
]


class Churn:
    golden: Sequence[GoldenExample] = GOLDEN_CHURN

    @classmethod
    def load(cls, files: ModelFiles | None = None) -> Self:
        return cls()

    def predict(self, items: Sequence[Customer]) -> list[Risk]:
        return [Risk(1 / (1 + item.months), item.plan) for item in items]

    def stream(self, item: Customer) -> Iterator[Risk]:
        yield from self.predict([item] * 2)


class Bare:
    """Has no examples."""

    def predict(self, items: Sequence[Customer]) -> list[Risk]:
        return Churn().predict(items)


class AwaitedParity:
    golden = (GoldenExample(1, False), GoldenExample(2, True))

    async def predict(self, items: Sequence[int]) -> list[bool]:
        return [item % 2 == 0 for item in items]


class Later(Churn):
    """Is right when it is held to its examples, and wrong once it serves."""

    serves = False

    def predict(self, items: Sequence[Customer]) -> list[Risk]:
        answers = super().predict(items)
        answers = self.spoiled(answers) if self.serves else answers
        self.serves = True
        return answers

    def spoiled(self, answers: list[Risk]) -> list[Risk]:
        raise NotImplementedError


class Backwards(Later):
    """Gives the answers of a batch in another order."""

    def spoiled(self, answers: list[Risk]) -> list[Risk]:
        return answers[::-1]


class Forgetful(Later):
    """Gives other answers to items of a batch than to the same items alone."""

    def spoiled(self, answers: list[Risk]) -> list[Risk]:
        return [one._replace(churn=one.churn / len(answers)) for one in answers]


class Wrong(Later):
    """Answers otherwise than its examples say."""

    def spoiled(self, answers: list[Risk]) -> list[Risk]:
        return [one._replace(churn=one.churn + 0.1) for one in answers]


class Cut(Churn):
    """Breaks off its streams."""

    def stream(self, item: Customer) -> Iterator[Risk]:
        yield from self.predict([item])
        raise ValueError("cut")


class Together(Churn):
    """Answers no item alone."""

    def predict(self, items: Sequence[Customer]) -> list[Risk]:
        if len(items) == 1:
            raise ValueError("only batches")
        return super().predict(items)


def model(kind: type, contract: Contract = CHURN, *, versioned: bool = False) -> Model:
    return Model(contract, f"{__name__}:{kind.__name__}", versioned=versioned)


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two versions of the model, the first of them the champion."""
    for version in "12":
        publish(tmp_path, "churn", version, {GOLDEN: golden_bytes(GOLDEN_CHURN)})
    (tmp_path / "churn/aliases.json").write_text('{"champion": "1"}')
    monkeypatch.setenv("MODEL_STORE", tmp_path.as_uri())


class TestSoundModels(ModelTests):
    def models(self) -> list[Model]:
        return [model(Churn, versioned=True), model(AwaitedParity, PARITY)]

    @pytest.fixture
    def asked(self, model: Model, by_itself: Callable[[Model], Asked]) -> Asked:
        return by_itself(model)


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (Wrong, ModelTests.test_golden_examples_are_answered),
        (Backwards, ModelTests.test_batch_equals_singles_in_order),
        (Forgetful, ModelTests.test_batch_equals_singles_in_order),
        (Cut, ModelTests.test_stream_ends_with_done),
    ],
)
def test_fault_of_a_model_is_seen(
    kind: type, test: Callable[[ModelTests, Asked], None], by_itself: Callable[[Model], Asked]
) -> None:
    with pytest.raises(AssertionError):
        test(ModelTests(), by_itself(model(kind)))


async def test_model_that_answers_batches_alone_is_seen() -> None:
    with pytest.raises(AssertionError):
        await ModelTests().test_poisoned_item_fails_alone(model(Together))


def test_model_without_examples_is_named(by_itself: Callable[[Model], Asked]) -> None:
    with pytest.raises(AssertionError, match="The churn model has no golden examples"):
        by_itself(model(Bare))


def test_each_rule_of_a_schema_has_a_value_that_breaks_it() -> None:
    schema = Customer.model_json_schema()
    broken = [*forbidden(schema, {"months": 3}, {})]
    assert broken == [
        "wrong",
        {},
        {"months": "wrong"},
        {"months": -1},
        {"months": 3, "plan": []},
        {"months": 3, "plan": "['free', 'paid']x"},
    ]
