"""Versions come and go while a model answers. Looks are asked for, so that no test waits."""

import asyncio
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acme_service.deployments import versions
from acme_service.deployments.language import LanguageDeployment
from acme_service.deployments.settings import CACHE, StoreSettings
from acme_service.models.errors import ModelStoreError, StoreUnreachableError
from acme_service.ports import Detection, ModelReplacedError, Query

from tests.fakes import FakeMeter
from tests.processes import printed_by
from tests.registry import Registry
from tests.versions import STORE, damage, publish_copy

FINNISH = "Kirjasto on kiinni tänään, mutta huomenna se avataan taas."
"""Version 2 knows the language of this, and version 1 does not."""

BAD_EXAMPLES = b'[{"text": "Guten Morgen", "language": "fr"}]'

Begin = Callable[..., LanguageDeployment]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return shutil.copytree(STORE, tmp_path / "store")


@pytest.fixture
def registry(store: Path) -> Registry:
    return Registry(store)


@pytest.fixture
def meter() -> FakeMeter:
    return FakeMeter()


@pytest.fixture
def begin(registry: Registry, tmp_path: Path, meter: FakeMeter) -> Iterator[Begin]:
    """Starts replicas that look when they are asked to, and hardly ever else."""
    begun: list[LanguageDeployment] = []

    def start(timeout_s: float = 5.0, refresh_s: float = 3600.0) -> LanguageDeployment:
        registry.calls.clear()
        settings = StoreSettings("registry://models", tmp_path / "cache", refresh_s, timeout_s)
        model = LanguageDeployment((registry.kind,), lambda: meter, settings)
        begun.append(model)
        return model

    yield start
    for model in begun:
        model.close()


@pytest.fixture
def model(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> LanguageDeployment:
    monkeypatch.setattr(versions, "LOOK_PAUSE_S", 0.0)
    return begin()


def promote(store: Path, **aliases: str) -> None:
    path = store / "language" / "aliases.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | aliases))


async def look(model: LanguageDeployment) -> None:
    """Have the replica look at the store, as naming an unknown version does."""
    with pytest.raises(ModelReplacedError):
        await model.detect_batch([Query("hello", model="language:no-such")])


async def detect(model: LanguageDeployment, wanted: str = "") -> Detection:
    [detection] = await model.detect_batch([Query(FINNISH, model=wanted)])
    return detection


async def test_a_promoted_version_takes_over(model: LanguageDeployment, store: Path) -> None:
    assert (await detect(model)).model == "language:1"
    promote(store, champion="2")
    await look(model)
    detection = await detect(model)
    assert (detection.model, detection.language) == ("language:2", "fi")
    assert (await model.card()).reference == "language:2"
    assert (await model.card()).note == ""


async def test_a_replica_looks_by_itself(begin: Begin, store: Path) -> None:
    model = begin(refresh_s=0.02)
    promote(store, champion="2")
    until = time.monotonic() + 5
    while (await detect(model)).model == "language:1" and time.monotonic() < until:
        pass
    assert (await detect(model)).model == "language:2"


async def test_the_replaced_version_answers_those_who_name_it_for_a_while(
    model: LanguageDeployment, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(store, champion="2")
    await look(model)
    first, second = await model.detect_batch([Query(FINNISH, model="language:1"), Query(FINNISH)])
    assert (first.model, second.model) == ("language:1", "language:2")
    monkeypatch.setattr(versions, "KEEP_REPLACED_S", 0.0)
    await look(model)
    with pytest.raises(ModelReplacedError):
        await detect(model, "language:1")


async def test_a_replaced_version_goes_though_nobody_asks(
    begin: Begin, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "LOOK_PAUSE_S", 0.0)
    monkeypatch.setattr(versions, "KEEP_REPLACED_S", 0.05)
    model = begin()
    promote(store, champion="2")
    await look(model)
    await asyncio.sleep(0.2)
    with pytest.raises(ModelReplacedError):
        await detect(model, "language:1")


async def test_a_batch_is_answered_in_order_by_whom_each_query_names(
    model: LanguageDeployment, store: Path
) -> None:
    promote(store, challenger="2")
    await look(model)
    wanted = ["", "challenger", "language:2", "language:1", "challenger", ""]
    queries = [Query(FINNISH, model=each) for each in wanted]
    said = [one.model for one in await model.detect_batch(queries)]
    assert said == [f"language:{version}" for version in (1, 2, 2, 1, 2, 1)]
    each = [one.model async for one in model.detect_each(queries)]
    assert each == said
    for query, expected in zip(queries, said, strict=True):
        assert {guess.model async for guess in model.guesses(query)} == {expected}


async def test_without_a_challenger_the_champion_answers_in_its_place(
    model: LanguageDeployment,
) -> None:
    assert (await detect(model, "challenger")).model == "language:1"


async def test_a_challenger_comes_and_goes(model: LanguageDeployment, store: Path) -> None:
    promote(store, challenger="2")
    await look(model)
    assert (await detect(model, "challenger")).model == "language:2"
    (store / "language" / "aliases.json").write_text('{"champion": "1"}')
    await look(model)
    assert (await detect(model, "challenger")).model == "language:1"


async def test_a_version_that_this_replica_has_not_noticed_is_looked_for_at_once(
    begin: Begin, store: Path
) -> None:
    model = begin()
    promote(store, champion="2")
    assert (await detect(model, "language:2")).model == "language:2"


async def test_replicas_look_once_a_second_at_most_however_many_ask(
    begin: Begin, registry: Registry
) -> None:
    model = begin()
    await look(model)
    began = time.monotonic()
    await asyncio.gather(*(look(model) for _ in range(100)))
    assert time.monotonic() - began > 0.5
    assert registry.calls.count("aliases") == 3


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("hash", "has another sha256 than its manifest says"),
        ("cut", "bytes where its manifest says"),
        ("examples", "fails one of its own examples"),
        ("climbs", "is no path inside the model"),
        ("gone", "There is no version language:3"),
    ],
)
async def test_a_version_that_is_not_sound_is_refused_once_and_visibly(
    model: LanguageDeployment,
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
        assert (await detect(model)).model == "language:1"
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


def spoiled(store: Path, how: str) -> None:
    """Version 3, with something wrong."""
    if how == "gone":
        return
    folder = publish_copy(store, "3", "2", BAD_EXAMPLES if how == "examples" else None)
    if how == "hash":
        damage(folder / "model.npz")
    if how == "cut":
        (folder / "model.npz").write_bytes((folder / "model.npz").read_bytes()[:1000])
    if how == "climbs":
        manifest = folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace("model.npz", "../2/model.npz"))


async def test_a_refused_version_is_tried_again_once_its_alias_has_moved(
    model: LanguageDeployment, store: Path, registry: Registry
) -> None:
    spoiled(store, "hash")
    for champion in ("3", "1", "3"):
        promote(store, champion=champion)
        await look(model)
    assert registry.calls.count("fetch 3") == 2


async def test_a_challenger_that_is_not_sound_is_refused_beside_the_champion(
    model: LanguageDeployment, store: Path
) -> None:
    spoiled(store, "hash")
    promote(store, challenger="3")
    await look(model)
    assert (await detect(model, "challenger")).model == "language:1"
    assert (await model.card()).note == "language:3 was refused; language:1 answers as before."


async def test_an_alias_that_is_gone_changes_nothing(
    model: LanguageDeployment, store: Path
) -> None:
    (store / "language" / "aliases.json").write_text('{"other": "2"}')
    await look(model)
    assert (await detect(model)).model == "language:1"
    note = "There is no language@champion; language:1 answers as before."
    assert (await model.card()).note == note


async def test_a_registry_that_goes_down_changes_nothing(
    model: LanguageDeployment, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    registry.down = True
    for _ in range(3):
        await look(model)
    assert (await detect(model)).model == "language:1"
    note = "The model store does not answer; language:1 does as before."
    assert (await model.card()).note == note
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    registry.down = False
    await look(model)
    assert (await model.card()).note == ""


async def test_answers_do_not_wait_for_a_slow_registry(begin: Begin, registry: Registry) -> None:
    model = begin(timeout_s=0.3)
    registry.stuck_s = 2
    looking = asyncio.create_task(look(model))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    assert (await detect(model)).model == "language:1"
    assert time.monotonic() - began < 0.1
    await looking
    assert "does not answer" in (await model.card()).note


async def test_a_full_disk_is_tried_again(
    model: LanguageDeployment, store: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str, version: str, into: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(registry, "fetch", fail)
        promote(store, champion="2")
        await look(model)
    note = "language:2 cannot be fetched; language:1 answers as before."
    assert (await model.card()).note == note
    await look(model)
    assert (await detect(model)).model == "language:2"
    assert (await model.card()).note == ""


async def test_a_start_without_the_registry_uses_the_last_sound_version(
    begin: Begin, registry: Registry, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begin()
    promote(store, champion="2")
    registry.down = True
    model = begin()
    assert (await detect(model)).model == "language:1"
    note = "The model store could not give language@champion; language:1 from the cache answers."
    assert (await model.card()).note == note
    assert caplog.records[0].getMessage().startswith(note)
    registry.down = False
    await look(model)
    assert ((await model.card()).reference, (await model.card()).note) == ("language:2", "")


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
    assert (await detect(model)).model == "language:1"
    assert "could not give" in (await model.card()).note


def test_a_cold_start_with_a_cached_version_only_resolves_its_alias(
    begin: Begin, registry: Registry
) -> None:
    begin()
    begin()
    assert registry.calls == ["aliases"]


async def test_a_user_config_switches_at_once_and_pins(
    model: LanguageDeployment, store: Path
) -> None:
    await model.reconfigure({"reference": "language:2"})
    assert (await model.card()).reference == "language:2"
    promote(store, champion="1")
    await look(model)
    assert (await model.card()).reference == "language:2"
    await model.reconfigure({})
    assert (await model.card()).reference == "language:1"


async def test_a_pinned_version_in_the_cache_needs_no_registry(
    model: LanguageDeployment, registry: Registry
) -> None:
    await model.reconfigure({"reference": "language:2"})
    await model.reconfigure({"reference": "language:1"})
    registry.down = True
    await model.reconfigure({"reference": "language:2"})
    assert (await model.card()).reference == "language:2"


@pytest.mark.parametrize(
    "user_config",
    ["language:2", ["language:2"], {"referense": "language:2"}, {"reference": 2}, 1]
    + [{"reference": reference} for reference in ("", "language", "../language:2")],
)
async def test_a_malformed_user_config_changes_nothing_and_shows(
    model: LanguageDeployment, user_config: object
) -> None:
    await model.reconfigure(user_config)
    assert (await detect(model)).model == "language:1"
    note = "The user_config of the language model was refused; it changes nothing."
    assert (await model.card()).note == note
    await model.reconfigure({})
    assert (await model.card()).note == ""


@pytest.mark.parametrize("reference", ["language:9", "language@nobody", "other:1", "other@x"])
async def test_a_user_config_that_names_nothing_changes_nothing_and_shows(
    model: LanguageDeployment, reference: str
) -> None:
    await model.reconfigure({"reference": reference})
    assert (await detect(model)).model == "language:1"
    assert "language:1 " in (await model.card()).note


async def test_an_answer_is_never_of_two_versions(begin: Begin, store: Path) -> None:
    model = begin(refresh_s=0.005)
    for promoted in ["2", "1"] * 5:
        promote(store, champion=promoted)
        for _ in range(20):
            batch = await model.detect_batch([Query(FINNISH)] * 5)
            assert len({(one.model, one.language == "fi") for one in batch}) == 1
            assert (batch[0].model == "language:2") == (batch[0].language == "fi")
            await asyncio.sleep(0)


def test_a_switch_is_logged(begin: Begin, store: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    model = begin(refresh_s=0.01)
    promote(store, champion="2")
    deadline = time.monotonic() + 5
    while not caplog.records and time.monotonic() < deadline:
        time.sleep(0.01)
    assert caplog.records[0].getMessage() == "language:2 answers instead of language:1"
    assert model


def test_a_second_version_costs_its_own_size_and_little_more(tmp_path: Path) -> None:
    source = f"""if True:
        import asyncio
        from pathlib import Path
        from acme_service.deployments.language import LanguageDeployment
        from acme_service.deployments.settings import CACHE, StoreSettings

        def resident():
            return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

        async def main():
            settings = StoreSettings({STORE.as_uri()!r}, Path("unused"), 3600.0, 5.0)
            model = LanguageDeployment(settings=settings)
            before = resident()
            await model.reconfigure({{"reference": "language:2"}})
            assert (await model.card()).reference == "language:2"
            print(resident() - before)

        asyncio.run(main())
    """
    size = (STORE / "language" / "2" / "model.npz").stat().st_size
    assert int(printed_by(source)) < size + 20 * 1024 * 1024


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "inf", "1e9"])
@pytest.mark.parametrize("variable", ["MODEL_REFRESH_S", "MODEL_TIMEOUT_S"])
def test_a_bad_setting_is_named(variable: str, value: str) -> None:
    with pytest.raises(ModelStoreError, match=f"^{variable}: a number of seconds above 0"):
        StoreSettings.load({variable: value})


def test_settings_have_defaults() -> None:
    settings = StoreSettings.load({"MODEL_STORE": "", "MODEL_REFRESH_S": ""})
    assert settings == StoreSettings("file:model_store", Path(CACHE).expanduser(), 10.0, 5.0)
    assert StoreSettings.load({"MODEL_CACHE": "~/kept"}).cache == Path.home() / "kept"
