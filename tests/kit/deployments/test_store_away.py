"""The store is out of reach, later or at the start."""

import asyncio
import shutil
import time
from pathlib import Path

import pytest

from servekit.contracts import ModelReplacedError
from servekit.registry.errors import ModelStoreError, StoreUnreachableError
from servekit.registry.store import ModelStore
from servekit.registry.version_files import ModelFiles
from servekit.registry.versions import Versions
from servekit.serving import deployment
from servekit.serving.deployment import VersionedDeployment
from servekit.testing.versions import publish_copy

from .replica import Begin, detect, look, promote, spoiled
from tests.registry import Registry


async def test_a_registry_that_goes_down_changes_nothing(
    model: VersionedDeployment, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    registry.down = True
    for _ in range(3):
        await look(model)
    assert (await detect(model)).version == "language:1"
    note = "The model store does not answer; language:1 answers as before."
    assert (await model.card()).note == note
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    registry.down = False
    await look(model)
    assert (await model.card()).note == ""


async def test_a_registry_that_answers_nonsense_is_not_called_silent(
    model: VersionedDeployment, store: Path
) -> None:
    (store / "language" / "aliases.json").write_text("{")
    await look(model)
    assert (await detect(model)).version == "language:1"
    note = "The model store cannot be used; language:1 answers as before."
    assert (await model.card()).note == note


async def test_answers_do_not_wait_for_a_slow_registry(begin: Begin, registry: Registry) -> None:
    model = begin(timeout_s=0.3)
    registry.stuck_s = 2
    looking = asyncio.create_task(look(model))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    assert (await detect(model)).version == "language:1"
    assert time.monotonic() - began < 0.1
    await looking
    assert "does not answer" in (await model.card()).note


async def test_a_version_slow_to_arrive_is_refused_soon(
    model: VersionedDeployment,
    registry: Registry,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deployment, "LOOK_S", 0.1)
    registry.fetch_s = 1
    promote(store, champion="2")
    began = time.monotonic()
    with pytest.raises(ModelReplacedError):
        await detect(model, "language:2")
    assert time.monotonic() - began < 0.8


async def test_a_full_disk_is_tried_again(
    model: VersionedDeployment, store: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str, version: str, into: Path, files: object) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(registry, "fetch", fail)
        promote(store, champion="2")
        await look(model)
    note = "language:2 cannot be fetched; language:1 answers as before."
    assert (await model.card()).note == note
    await look(model)
    assert (await detect(model)).version == "language:2"
    assert (await model.card()).note == ""


async def test_a_start_without_the_registry_uses_the_last_sound_version(
    begin: Begin, registry: Registry, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begin()
    promote(store, champion="2")
    registry.down = True
    model = begin()
    assert (await detect(model)).version == "language:1"
    note = "The model store could not give language@champion; language:1 from the cache answers."
    assert (await model.card()).note == note
    [error] = [one for one in caplog.records if one.levelname == "ERROR"]
    assert error.getMessage().startswith(note)
    registry.down = False
    await look(model)
    assert ((await model.card()).reference, (await model.card()).note) == ("language:2", "")


async def test_a_start_without_registry_uses_the_last_promoted_version(
    model: VersionedDeployment, begin: Begin, registry: Registry, store: Path
) -> None:
    promote(store, champion="2")
    await look(model)
    registry.down = True
    assert (await detect(begin())).version == "language:2"


def test_a_start_without_registry_and_cache_is_refused_with_the_url(
    begin: Begin, registry: Registry
) -> None:
    registry.down = True
    with pytest.raises(StoreUnreachableError, match="The model store registry://models cannot"):
        begin()


async def test_a_start_with_an_unsound_champion_uses_the_last_sound_version(
    begin: Begin, store: Path
) -> None:
    begin()
    spoiled(store, "examples")
    promote(store, champion="3")
    model = begin()
    assert (await detect(model)).version == "language:1"
    assert "could not give" in (await model.card()).note


def test_a_champion_that_crashes_falls_back_to_the_last_sound(
    registry: Registry, store: Path, tmp_path: Path
) -> None:
    publish_copy(store / "language", "3", "2")

    def load(files: ModelFiles) -> str:
        if files.version != "1":
            raise IndexError("out of bounds")
        return files.reference

    def start() -> Versions[str]:
        kept = ModelStore((registry.kind,), "registry://models", tmp_path / "cache")
        versions = Versions(
            kept, "language@champion", load, refresh_s=3600, keep_s=60, max_replaced=2
        )
        versions.close()
        return versions

    assert start().champion == "language:1"
    promote(store, champion="3")
    assert start().champion == "language:1"
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(ModelStoreError, match=r"^language:3 cannot be loaded: IndexError"):
        start()


def test_a_cold_start_with_a_cached_version_only_resolves_its_alias(
    begin: Begin, registry: Registry
) -> None:
    begin()
    begin()
    assert registry.calls == ["aliases"]
