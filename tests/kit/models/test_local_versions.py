"""Versions from elsewhere, kept on this machine."""

import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import pytest

from servekit.registry.errors import (
    ModelCacheError,
    ModelStoreError,
    StoreUnreachableError,
)
from servekit.registry.local_versions import KEPT_VERSIONS
from servekit.registry.store import ModelStore, parse_reference, shown
from servekit.testing.store import STORE
from servekit.testing.subprocesses import printed_by
from servekit.testing.versions import damage, publish

from tests.registry import Registry

URL = "registry://somebody:secret@models.example/team?token=secret"
FILES = ["golden.jsonl", "manifest.json", "model.npz"]
CHAMPION = parse_reference("language@champion")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(shutil.copytree(STORE, tmp_path / "registry"))


@pytest.fixture
def store(registry: Registry, tmp_path: Path) -> ModelStore:
    return again(registry, tmp_path)


def again(registry: Registry, tmp_path: Path, timeout_s: float = 5) -> ModelStore:
    """The store as the next process opens it."""
    registry.calls.clear()
    return ModelStore((registry.kind,), URL, tmp_path / "cache", timeout_s)


def cached(tmp_path: Path) -> list[str]:
    return sorted(
        str(path.relative_to(tmp_path / "cache").as_posix()).partition("/")[2]
        for path in (tmp_path / "cache").rglob("*")
        if path.is_file()
    )


def test_a_version_is_fetched_once(registry: Registry, store: ModelStore, tmp_path: Path):
    files = store.open("language@champion")
    assert tmp_path / "cache" in files.folder.parents
    assert store.open("language@champion") == files
    assert registry.calls == ["aliases", "fetch 1", "aliases"]


def test_a_cached_version_needs_no_registry(registry: Registry, store: ModelStore, tmp_path: Path):
    files = store.open("language:2")
    store = again(registry, tmp_path)
    registry.down = True
    assert store.open("language:2") == files
    assert registry.calls == []


def test_a_damaged_version_in_the_cache_is_fetched_again(
    registry: Registry, store: ModelStore, tmp_path: Path
):
    damage(store.open("language:2").path("model.npz"))
    assert store.open("language:2").path("model.npz").stat().st_size == 512_576
    assert registry.calls == ["fetch 2", "fetch 2"]


def test_a_download_that_is_cut_short_is_refused_and_leaves_nothing(
    registry: Registry, store: ModelStore, tmp_path: Path
):
    registry.cut = True
    with pytest.raises(ModelStoreError, match="has 1000 bytes where its manifest says 512576"):
        store.open("language:2")
    assert cached(tmp_path) == []
    registry.cut = False
    assert store.open("language:2").version == "2"


def test_a_registry_that_drips_is_given_up(registry: Registry, tmp_path: Path):
    store = again(registry, tmp_path, timeout_s=0.05)
    registry.stuck_s = 0.5
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(StoreUnreachableError, match=r"did not answer within 0\.05 seconds"):
            store.open("language@champion")
        assert time.monotonic() - began < 0.4


def test_files_may_take_longer_than_an_answer(registry: Registry, tmp_path: Path):
    registry.fetch_s = 0.5
    with pytest.raises(StoreUnreachableError, match=r"did not answer within 0\.1 seconds"):
        again(registry, tmp_path, timeout_s=0.1).open("language@champion")
    patient = ModelStore((registry.kind,), URL, tmp_path / "cache", 0.1, 10)
    assert patient.open("language@champion").version == "1"


def test_calls_that_are_stuck_do_not_pile_up(registry: Registry, tmp_path: Path):
    store = again(registry, tmp_path, timeout_s=0.01)
    registry.stuck_s = 1
    for _ in range(4):
        with pytest.raises(StoreUnreachableError, match="did not answer within"):
            store.aliases("language")
    with pytest.raises(StoreUnreachableError, match="still not answered earlier calls"):
        store.aliases("language")
    assert len(registry.calls) == 4


def test_a_machine_without_threads_is_waited_for(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(Thread, "start", refuse)
        for _ in range(5):
            with pytest.raises(StoreUnreachableError, match="cannot be called: can't start new"):
                store.aliases("language")
    assert store.aliases("language") == {"champion": "1"}


def test_errors_of_a_connection_are_translated(registry: Registry, store: ModelStore):
    def refuse(name: str) -> dict[str, str]:
        raise ConnectionRefusedError("refused")

    registry.aliases = refuse
    with pytest.raises(
        StoreUnreachableError, match=r"registry://models\.example/team cannot be re"
    ):
        store.aliases("language")


def test_messages_show_no_credentials():
    assert shown(URL) == "registry://models.example/team"
    assert shown("s3://bucket/models") == "s3://bucket/models"
    assert shown("file:model_store") == "file:model_store"


def test_what_was_last_sound_is_there_without_the_registry(
    registry: Registry, store: ModelStore, tmp_path: Path
):
    files = store.open("language@champion")
    assert store.open_last_good(CHAMPION) is None
    store.record_last_good("language", "champion", "1")
    store.record_last_good("language", "challenger", "2")  # was never fetched
    registry.down = True
    store = again(registry, tmp_path)
    assert store.open_last_good(CHAMPION) == files
    assert store.open_last_good(parse_reference("language@challenger")) is None
    damage(files.path("model.npz"))
    assert store.open_last_good(CHAMPION) is None


def test_the_last_few_versions_are_kept(registry: Registry, store: ModelStore, tmp_path: Path):
    folder = tmp_path / "registry"
    for version in map(str, range(1, KEPT_VERSIONS + 5)):
        publish(folder, "toy", version, {"a": version.encode()})
        files = store.open(f"toy:{version}")
        os.utime(files.folder, (1e9 + int(version), 1e9 + int(version)))
        store.record_last_good("toy", "champion", "1")
    kept = {path.split("/")[1] for path in cached(tmp_path) if path.endswith("/a")}
    assert kept == {"1", "5", "6", "7", "8"}


def test_what_a_killed_process_left_is_swept(store: ModelStore, tmp_path: Path):
    model = store.open("language:1").folder.parent
    (model / ".2.dead.unfinished").mkdir()
    os.utime(model / ".2.dead.unfinished", (1e9, 1e9))
    (model / ".2.alive.unfinished").mkdir()
    store.open("language:2")
    assert [path.name for path in model.glob(".*")] == [".2.alive.unfinished"]


def test_a_version_with_links_is_refused(registry: Registry, store: ModelStore, tmp_path: Path):
    file = tmp_path / "registry" / "language" / "1" / "model.npz"
    fetch = registry.fetch

    def fetch_links(name: str, version: str, into: Path, files: Sequence[str] = ()) -> Path:
        (fetch(name, version, into) / "model.npz").unlink()
        (into / "model.npz").symlink_to(file)
        return into

    registry.fetch = fetch_links
    with pytest.raises(ModelStoreError, match="is a link"):
        store.open("language:1")
    assert cached(tmp_path) == []


def test_a_cache_that_cannot_be_written_is_named(registry: Registry, tmp_path: Path):
    (tmp_path / "cache").touch()
    with pytest.raises(ModelCacheError, match=r"language:1 cannot be kept in .*: Not a directory"):
        again(registry, tmp_path).open("language:1")


def test_a_cache_that_can_only_be_read_is_read(
    registry: Registry, store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    files = store.open("language:2")

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "utime", refuse)
    assert again(registry, tmp_path).open("language:2") == files
    assert registry.calls == []


def test_a_full_disk_is_one_clear_error(tmp_path: Path):
    source = f"""if True:
        import resource, signal
        from pathlib import Path
        from servekit.registry.errors import ModelCacheError
        from servekit.registry.store import ModelStore
        from tests.registry import Registry

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        kind = Registry(Path({str(STORE)!r})).kind
        cache = Path({str(tmp_path / "cache")!r})
        store = ModelStore((kind,), "registry://models", cache)
        try:
            store.open("language:2")
        except ModelCacheError as error:
            print(error)
        print(store.open("language:1").version, [*cache.rglob("2"), *cache.rglob("*.unfinished")])
    """
    refusal, rest = printed_by(source).splitlines()
    assert refusal.startswith(f"language:2 cannot be kept in {tmp_path}")
    assert refusal.endswith(": File too large.")
    assert rest == "1 []"


def test_several_may_fetch_the_same_at_once(registry: Registry, tmp_path: Path):
    registry.stuck_s = 0.02
    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(lambda _: again(registry, tmp_path).open("language:2"), range(8)))
    assert len({files.folder for files in opened}) == 1
    assert cached(tmp_path) == [f"language/2/{file}" for file in FILES]
