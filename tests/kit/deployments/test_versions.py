"""Versions come and go while a model answers. Looks are asked for, so that no test waits."""

import asyncio
import logging
import time
from pathlib import Path

import pytest

from servekit.contracts import ModelReplacedError, Prediction
from servekit.registry import versions
from servekit.registry.settings import StoreSettings
from servekit.serving.deployment import Answers, VersionedDeployment
from servekit.testing.store import STORE
from servekit.testing.subprocesses import printed_by
from servekit.testing.versions import publish_copy

from acme_service.contracts.language import Query

from .replica import FINNISH, MODEL, Begin, detect, look, promote
from tests.registry import Registry


def versions_of(answers: Answers) -> list[str]:
    return [one.version for one in answers if isinstance(one, Prediction)]


async def test_a_promoted_version_takes_over(model: VersionedDeployment, store: Path) -> None:
    assert (await detect(model)).version == "language:1"
    promote(store, champion="2")
    await look(model)
    detection = await detect(model)
    assert (detection.version, detection.value.language) == ("language:2", "fi")
    assert (await model.card()).reference == "language:2"
    assert (await model.card()).note == ""


async def test_a_replica_looks_by_itself(begin: Begin, store: Path) -> None:
    model = begin(refresh_s=0.02)
    promote(store, champion="2")
    until = time.monotonic() + 5
    while (await detect(model)).version == "language:1" and time.monotonic() < until:
        pass
    assert (await detect(model)).version == "language:2"


async def test_a_replaced_version_still_answers_requests_naming_it(
    model: VersionedDeployment, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(store, champion="2")
    await look(model)
    answers = await model.predict_batch([Query(FINNISH)] * 2, ["language:1", ""])
    assert versions_of(answers) == ["language:1", "language:2"]
    monkeypatch.setattr(versions, "monotonic", lambda: time.monotonic() + 3600)
    await look(model)
    with pytest.raises(ModelReplacedError):
        await detect(model, "language:1")


async def asked_for(seconds: float, model: VersionedDeployment, wanted: str) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await detect(model, wanted)
        await asyncio.sleep(0.1)


async def test_an_unused_replaced_version_is_dropped(
    begin: Begin, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "LOOK_PAUSE_S", 0.0)
    monkeypatch.setattr(StoreSettings, "keep_replaced_s", 0.05)
    model = begin()
    promote(store, champion="2")
    await look(model)
    with pytest.raises(ModelReplacedError):
        await asked_for(5, model, "language:1")


@pytest.mark.parametrize("most", [0, 1])
async def test_only_so_many_replaced_versions_stay_in_memory(
    begin: Begin, store: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(versions, "LOOK_PAUSE_S", 0.0)
    publish_copy(store / "language", "3", "2")
    model = begin(max_replaced=most)
    for version in ("2", "3"):
        promote(store, champion=version)
        await look(model)
    gone = ["language:1", "language:2"][: 2 - most]
    for reference in gone:
        with pytest.raises(ModelReplacedError):
            await detect(model, reference)
    for reference in {"language:2", "language:3"} - {*gone}:
        assert (await detect(model, reference)).version == reference


async def test_each_item_of_a_batch_may_name_its_version(
    model: VersionedDeployment, store: Path
) -> None:
    promote(store, challenger="2")
    await look(model)
    wanted = ["", "challenger", "language:2", "language:1", "challenger", ""]
    query = Query(FINNISH)
    said = versions_of(await model.predict_batch([query] * len(wanted), wanted))
    assert said == [f"language:{version}" for version in (1, 2, 2, 1, 2, 1)]
    for asked, expected in zip(wanted, said, strict=True):
        each = [one.version async for one in model.predict_each([query] * 2, asked)]
        assert each == [expected] * 2
        assert {guess.version async for guess in model.stream(query, asked)} == {expected}


async def test_without_a_challenger_the_champion_answers_in_its_place(
    model: VersionedDeployment,
) -> None:
    assert (await detect(model, "challenger")).version == "language:1"


async def test_a_replica_that_starts_has_the_challenger_at_once(begin: Begin, store: Path) -> None:
    promote(store, challenger="2")
    assert (await detect(begin(), "challenger")).version == "language:2"


async def test_a_challenger_comes_and_goes(model: VersionedDeployment, store: Path) -> None:
    promote(store, challenger="2")
    await look(model)
    assert (await detect(model, "challenger")).version == "language:2"
    (store / "language" / "aliases.json").write_text('{"champion": "1"}')
    await look(model)
    assert (await detect(model, "challenger")).version == "language:1"


async def test_a_rollback_does_not_wait_for_a_slow_challenger(
    model: VersionedDeployment, store: Path, registry: Registry
) -> None:
    promote(store, champion="2")
    await look(model)
    publish_copy(store / "language", "3", "2")
    registry.fetch_s = 1
    promote(store, challenger="3")
    asking = asyncio.create_task(detect(model, "language:3"))
    while not asking.done() and "fetch 3" not in registry.calls:
        await asyncio.wait({asking}, timeout=0.01)
    await model.reconfigure({"reference": "language:1"})
    assert (await detect(model)).version == "language:1"
    assert not asking.done()
    assert (await asking).version == "language:3"


async def test_a_start_does_not_wait_for_a_slow_challenger(
    begin: Begin, store: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "CHALLENGER_S", 0.1)
    begin()  # and version 1 is in the cache
    promote(store, challenger="2")
    registry.fetch_s = 0.5
    model = begin()
    assert (await detect(model, "challenger")).version == "language:1"
    assert (await detect(model, "language:2")).version == "language:2"
    assert (await detect(model, "challenger")).version == "language:2"


async def test_an_unknown_version_is_looked_up_at_once(begin: Begin, store: Path) -> None:
    model = begin()
    promote(store, champion="2")
    assert (await detect(model, "language:2")).version == "language:2"


async def test_replicas_look_once_a_second_at_most_however_many_ask(
    begin: Begin, registry: Registry
) -> None:
    model = begin()
    await look(model)
    began = time.monotonic()
    await asyncio.gather(*(look(model) for _ in range(100)))
    assert time.monotonic() - began > 0.5
    assert registry.calls.count("aliases") == 3


async def test_an_answer_is_never_of_two_versions(begin: Begin, store: Path) -> None:
    model = begin(refresh_s=0.005)
    for promoted in ["2", "1"] * 5:
        promote(store, champion=promoted)
        for _ in range(20):
            batch = await model.predict_batch([Query(FINNISH)] * 5, [""] * 5)
            assert len({*versions_of(batch)}) == 1
            [found] = {one.value.language == "fi" for one in batch if isinstance(one, Prediction)}
            assert (versions_of(batch)[0] == "language:2") == found
            await asyncio.sleep(0)


def test_a_switch_is_logged(begin: Begin, store: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    model = begin(refresh_s=0.01)
    promote(store, champion="2")
    deadline = time.monotonic() + 5
    switch = "language:2 answers instead of language:1"
    while switch not in caplog.messages and time.monotonic() < deadline:
        time.sleep(0.01)
    # Not alone: replicas of other tests may still look, too.
    assert switch in caplog.messages
    assert model


def test_a_second_version_costs_its_own_size_and_little_more(tmp_path: Path) -> None:
    source = f"""if True:
        import asyncio
        from pathlib import Path
        from servekit.serving.deployment import VersionedDeployment
        from servekit.registry.settings import CACHE, StoreSettings
        from acme_service.contracts.language import LANGUAGE

        def resident():
            return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

        async def main():
            settings = StoreSettings({STORE.as_uri()!r}, Path("unused"), 3600.0, 5.0)
            model = VersionedDeployment(LANGUAGE, {MODEL[1]!r}, settings=settings)
            before = resident()
            await model.reconfigure({{"reference": "language:2"}})
            assert (await model.card()).reference == "language:2"
            print(resident() - before)

        asyncio.run(main())
    """
    size = (STORE / "language" / "2" / "model.npz").stat().st_size
    assert int(printed_by(source)) < size + 20 * 1024 * 1024
