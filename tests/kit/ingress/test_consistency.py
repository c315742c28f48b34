"""While versions replace each other, one answer is still made by one of them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from itertools import chain, cycle, repeat
from typing import Any

import pytest

from servekit.contracts import (
    ModelCard,
    ModelError,
    ModelReplacedError,
    ModelUnavailableError,
    Prediction,
)
from servekit.serving.client import SMALL_BATCH, ModelClient
from servekit.serving.settings import BatcherSettings
from servekit.testing.fakes import FakeMeter

from acme_service.contracts.language import Detection, Query

from tests.fakes import detection

LONG = "a" * 10_000
ENGLISH = detection(en=1.0)


class Replicas:
    """A model whose calls are answered by one replica after the other.

    versions: of the replica that answers the next call.
    held: what each replica can answer by name.
    """

    def __init__(self, versions: Iterator[str], held: str = "12") -> None:
        self.versions = versions
        self.held = held
        self.calls: list[list[str]] = []

    def _answered_by(self, versions: Sequence[str]) -> str:
        self.calls.append([*versions])
        current = next(self.versions)
        asked = versions[0]
        if ":" in asked and asked.partition(":")[2] not in self.held:
            raise ModelReplacedError("It is not held any longer.")
        return asked if ":" in asked else f"language:{current}"

    async def call(self, method: str, *args: Any) -> Any:
        if method == "card":
            return ModelCard("language", "1")
        version = self._answered_by(args[1])
        await asyncio.sleep(0)
        return [Prediction(ENGLISH, version) for _ in args[0]]

    async def stream(self, method: str, *args: Any) -> AsyncGenerator[Any, None]:
        version = self._answered_by([args[1]] * len(args[0]))
        for _ in args[0]:
            yield Prediction(ENGLISH, version)


def detector_of(replicas: Replicas, **settings: int) -> ModelClient:
    return ModelClient("language", replicas, BatcherSettings.model_validate(settings), FakeMeter())


async def all_before_the_error(
    stream: AsyncIterator[Prediction[Detection]],
) -> tuple[list[Prediction[Detection]], ModelError | None]:
    found: list[Prediction[Detection]] = []
    try:
        async for one in stream:
            found.append(one)  # noqa: PERF401 - kept, should an error follow
    except ModelError as error:
        return found, error
    return found, None


def made_by(predictions: Sequence[Prediction[Detection]]) -> set[str]:
    return {prediction.version for prediction in predictions}


@pytest.mark.parametrize("texts", [SMALL_BATCH, SMALL_BATCH + 1, 1000])
async def test_a_batch_over_several_replicas_has_answers_of_one_version(texts: int) -> None:
    replicas = Replicas(cycle("1121"))
    detector = detector_of(replicas, max_items=4)
    answers = await detector.predict_batch([Query("a")] * texts)
    assert (len(answers), len(made_by(answers))) == (texts, 1)


async def test_only_items_of_another_version_are_asked_again() -> None:
    replicas = Replicas(chain("112", repeat("2")))
    queries = [Query(text) for text in "abcdefghijkl"] + [Query("z")] * SMALL_BATCH
    answers = await detector_of(replicas, max_items=14).predict_batch(queries * 2)
    assert made_by(answers) == {"language:1"}
    assert replicas.calls[4:] == [["language:1"] * 14] * 2


async def test_nothing_is_asked_again_while_nothing_is_replaced() -> None:
    replicas = Replicas(repeat("1"))
    await detector_of(replicas, max_items=4).predict_batch([Query("a")] * 40)
    assert replicas.calls == [[""] * 4] * 10


async def test_where_one_version_is_gone_the_other_one_answers_everything() -> None:
    replicas = Replicas(cycle("1112"), held="2")
    answers = await detector_of(replicas, max_items=4).predict_batch([Query("a")] * 40)
    assert made_by(answers) == {"language:2"}


async def test_no_version_answering_everything_is_a_retryable_error() -> None:
    replicas = Replicas(cycle("123456"), held="")
    with pytest.raises(ModelUnavailableError, match="being replaced"):
        await detector_of(replicas, max_items=4).predict_batch([Query("a")] * 40)
    assert len(replicas.calls) <= 10 + 3 * 10


async def test_an_answer_by_an_unasked_version_is_refused() -> None:
    class Heedless(Replicas):
        def _answered_by(self, versions: Sequence[str]) -> str:
            self.calls.append([*versions])
            return f"language:{next(self.versions)}"

    replicas = Heedless(cycle("12"))
    with pytest.raises(ModelUnavailableError, match="being replaced"):
        await detector_of(replicas, max_items=4).predict_batch([Query("a")] * 40)


async def test_a_request_for_a_version_is_not_batched_with_others() -> None:
    replicas = Replicas(repeat("1"))
    detector = detector_of(replicas)
    named, other = await asyncio.gather(
        detector.predict(Query("a"), "language:9"),
        detector.predict(Query("b")),
        return_exceptions=True,
    )
    assert isinstance(named, ModelReplacedError)
    assert isinstance(other, Prediction)
    assert (await detector.predict(Query("a"), "language:2")).version == "language:2"


async def test_lines_come_from_the_version_that_gave_the_first_one() -> None:
    replicas = Replicas(cycle("12"))
    queries = [Query(LONG)] * 400
    answers = [one async for one in detector_of(replicas).predict_each(queries)]
    assert (len(answers), made_by(answers)) == (400, {"language:1"})
    assert len(replicas.calls) > 1, "They did not fit into one call."
    assert {*chain(*replicas.calls[1:])} == {"language:1"}


async def test_lines_end_where_their_version_is_gone() -> None:
    replicas = Replicas(cycle("12"), held="")
    answers = detector_of(replicas).predict_each([Query(LONG)] * 400)
    found, error = await all_before_the_error(answers)
    assert (made_by(found), type(error)) == ({"language:1"}, ModelReplacedError)


class Swapped(Replicas):
    """Changes its mind in the middle of a stream, which no model should."""

    async def stream(self, method: str, *args: Any) -> AsyncGenerator[Any, None]:
        for version in "12":
            yield Prediction(ENGLISH, f"language:{version}")


@pytest.mark.parametrize("way", ["stream", "predict_each"])
async def test_no_stream_mixes_versions(way: str) -> None:
    detector = detector_of(Swapped(repeat("1")))
    stream = detector.stream(Query("a")) if way == "stream" else detector.predict_each([])
    found, error = await all_before_the_error(stream)
    assert (made_by(found), type(error)) == ({"language:1"}, ModelUnavailableError)
