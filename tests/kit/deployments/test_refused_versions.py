"""A version that is not sound is refused, and the one before answers on."""

from pathlib import Path

import pytest

from servekit.serving.deployment import VersionedDeployment
from servekit.testing.fakes import FakeMeter

from .replica import detect, look, promote, spoiled
from tests.registry import Registry


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("hash", "has another sha256 than its manifest says"),
        ("cut", "bytes where its manifest says"),
        ("examples", "fails one of its own examples"),
        ("climbs", "Invalid path"),
        ("gone", "There is no version language:3"),
    ],
)
async def test_a_version_that_is_not_sound_is_refused_once_and_visibly(
    model: VersionedDeployment,
    store: Path,
    registry: Registry,
    meter: FakeMeter,
    caplog: pytest.LogCaptureFixture,
    spoil: str,
    reason: str,
) -> None:
    spoiled(store, spoil)
    promote(store, champion="3")
    for _ in range(3):
        await look(model)
        assert (await detect(model)).version == "language:1"
    note = "language:3 was refused; language:1 answers as before."
    assert (await model.card()).note == note
    [logged] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert logged.startswith(note)
    assert reason in logged
    assert registry.calls.count("fetch 3") == 1
    assert sum(meter.counts.values()) == 1
    labels = frozenset({("model", "language")})
    assert meter.counts["model_refused_versions_total", labels] == 1
    promote(store, champion="2")
    await look(model)
    assert ((await model.card()).reference, (await model.card()).note) == ("language:2", "")


async def test_a_refused_version_is_tried_again_once_its_alias_has_moved(
    model: VersionedDeployment, store: Path, registry: Registry
) -> None:
    spoiled(store, "hash")
    for champion in ("3", "1", "3"):
        promote(store, champion=champion)
        await look(model)
    assert registry.calls.count("fetch 3") == 2


async def test_an_unsound_challenger_leaves_the_champion_serving(
    model: VersionedDeployment, store: Path
) -> None:
    spoiled(store, "hash")
    promote(store, challenger="3")
    await look(model)
    assert (await detect(model, "challenger")).version == "language:1"
    assert (await model.card()).note == "language:3 was refused; language:1 answers as before."


async def test_an_alias_that_is_gone_changes_nothing(
    model: VersionedDeployment, store: Path
) -> None:
    (store / "language" / "aliases.json").write_text('{"other": "2"}')
    await look(model)
    assert (await detect(model)).version == "language:1"
    note = "There is no language@champion; language:1 answers as before."
    assert (await model.card()).note == note


async def test_a_returning_refused_challenger_is_noted_again(
    model: VersionedDeployment, store: Path, registry: Registry
) -> None:
    spoiled(store, "hash")
    for _ in range(2):
        promote(store, challenger="3")
        await look(model)
        note = "language:3 was refused; language:1 answers as before."
        assert (await model.card()).note == note
        (store / "language" / "aliases.json").write_text('{"champion": "1"}')
        await look(model)
        assert (await model.card()).note == ""
    assert registry.calls.count("fetch 3") == 2


async def test_a_returning_refused_champion_is_noted_again(
    model: VersionedDeployment, store: Path
) -> None:
    spoiled(store, "hash")
    notes = []
    for aliases in ('{"champion": "3"}', "{}", '{"champion": "3"}'):
        (store / "language" / "aliases.json").write_text(aliases)
        await look(model)
        notes.append((await model.card()).note.partition(";")[0])
    refused = "language:3 was refused"
    assert notes == [refused, "There is no language@champion", refused]


async def test_the_note_on_a_refused_challenger_names_who_answers_now(
    model: VersionedDeployment, store: Path
) -> None:
    spoiled(store, "hash")
    promote(store, challenger="3")
    await look(model)
    promote(store, champion="2")
    await look(model)
    assert (await model.card()).note == "language:3 was refused; language:2 answers as before."
