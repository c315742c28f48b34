"""Answers are counted by the version that has given them."""

from collections.abc import AsyncGenerator
from typing import Any

from servekit.contracts import CHALLENGER, Prediction
from servekit.serving.client import ModelClient
from servekit.serving.settings import BatcherSettings
from servekit.serving.version_counter import (
    MAX_VERSIONS,
    OTHER,
    UNKNOWN,
    VersionCounter,
)
from servekit.testing.fakes import FakeMeter

from acme_service.contracts.language import Detection, Query

from tests.fakes import detection


class Calls:
    """A model with a challenger."""

    async def call(self, method: str, *args: Any) -> Any:
        return [self._answer(version) for version in args[1]]

    async def stream(self, method: str, *args: Any) -> AsyncGenerator[Any, None]:
        for _ in args[0] if method == "predict_each" else "abc":
            yield self._answer(args[1])

    def _answer(self, version: str) -> Prediction[Detection]:
        number = 2 if version == CHALLENGER else 1
        return Prediction(detection(en=1.0), f"language:{number}")


def counted(meter: FakeMeter) -> dict[str, int]:
    """Answers by version."""
    found = {
        dict(labels)["version"]: amount
        for (name, labels), amount in meter.counts.items()
        if name == "model_answers_total" and dict(labels)["model"] == "language"
    }
    assert len(found) == len([name for name, _ in meter.counts if name == "model_answers_total"])
    return found


async def test_texts_count_one_by_one_and_a_stream_once() -> None:
    meter = FakeMeter()
    detector = ModelClient("language", Calls(), BatcherSettings(), meter)
    await detector.predict(Query("a"))
    await detector.predict(Query("a"), CHALLENGER)
    await detector.predict_batch([Query("a")] * 20)
    assert counted(meter) == {"1": 21, "2": 1}
    assert len([one async for one in detector.stream(Query("a b c"))]) == 3
    assert len([one async for one in detector.predict_each([Query("a" * 10_000)] * 100)]) == 100
    assert counted(meter) == {"1": 23, "2": 1}


def test_a_store_of_a_thousand_versions_makes_few_series() -> None:
    meter = FakeMeter()
    counts = VersionCounter("language", meter)
    for number in range(1000):
        counts.count(f"language:{number}", 2)
    counts.count("language:0")
    assert len(counted(meter)) == MAX_VERSIONS + 1
    assert counted(meter)["0"] == 3
    assert counted(meter)[OTHER] == 2 * (1000 - MAX_VERSIONS)


def test_a_model_that_does_not_name_itself_counts_too() -> None:
    meter = FakeMeter()
    VersionCounter("language", meter).count("")
    assert counted(meter) == {UNKNOWN: 1}
