"""The store in a folder, and what it does to those who change it."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from servekit.registry.errors import ModelStoreError
from servekit.registry.sources.folder import FolderSource
from servekit.testing.store import STORE
from servekit.testing.versions import damage, publish


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return shutil.copytree(STORE, tmp_path / "store")


@pytest.fixture
def source(store: Path) -> FolderSource:
    return FolderSource(store.as_uri(), timeout_s=1)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_versions_are_listed_oldest_first(store: Path, source: FolderSource):
    for version in ("10", "9", "1.10", "1.9", "2024-05"):
        publish(store, "language", version, {"a": b""})
    (store / "language" / ".unfinished").mkdir()
    (store / "language" / "empty").mkdir()
    assert source.versions("language") == ["1", "1.9", "1.10", "2", "9", "10", "2024-05"]


def test_an_alias_moves_and_leaves_nothing_behind(store: Path, source: FolderSource):
    source.move_alias("language", "champion", "2", before="1")
    source.move_alias("language", "challenger", "1", before=None)
    assert source.aliases("language") == {"champion": "2", "challenger": "1"}
    assert names(store / "language") == ["1", "2", "aliases.json"]


def test_an_alias_that_somebody_else_has_moved_stays(source: FolderSource):
    source.move_alias("language", "champion", "2", before="1")
    with pytest.raises(ModelStoreError, match="means 2 by now instead of 1: it was moved"):
        source.move_alias("language", "champion", "3", before="1")
    assert source.aliases("language") == {"champion": "2"}


def test_of_many_who_promote_at_once_one_wins(source: FolderSource):
    def promote(version: int) -> bool:
        try:
            source.move_alias("language", "champion", str(version), before="1")
        except ModelStoreError:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        won = list(threads.map(promote, range(2, 18)))
    assert won.count(True) == 1
    assert source.aliases("language") == {"champion": str(won.index(True) + 2)}


@pytest.mark.parametrize("name", ["../1", "", ".hidden", "a/b", "1\n", "/etc"])
def test_no_name_leads_out_of_the_store(store: Path, source: FolderSource, name: str):
    for attempt in (
        lambda: source.aliases(name),
        lambda: source.versions(name),
        lambda: source.fetch("language", name, store),
        lambda: source.move_alias("language", name, "1", None),
        lambda: source.move_alias("language", "champion", name, "1"),
        lambda: source.publish("language", name, store / "language" / "1"),
    ):
        with pytest.raises(ModelStoreError, match=r"Invalid \w+ name"):
            attempt()


def test_a_version_is_published_whole(store: Path, source: FolderSource, tmp_path: Path):
    source.publish("language", "2", store / "language" / "2")  # again: it is the same
    made = publish(tmp_path / "made", "language", "3", {"a": b"a", "b": b"b"})
    (made / "stray").touch()
    source.publish("language", "3", made)
    assert names(store / "language") == ["1", "2", "3", "aliases.json"]
    assert names(store / "language" / "3") == ["a", "b", "manifest.json"]


def test_the_first_version_of_a_model_needs_no_alias(tmp_path: Path):
    made = publish(tmp_path / "made", "toy", "1", {"a": b"a"})
    source = FolderSource((tmp_path / "new").as_uri(), timeout_s=1)
    source.publish("toy", "1", made)
    assert (source.versions("toy"), source.aliases("toy")) == (["1"], {})


def test_a_published_version_never_changes(source: FolderSource, tmp_path: Path):
    other = publish(tmp_path / "made", "language", "2", {"a": b"other"})
    with pytest.raises(ModelStoreError, match="already, with other content: a version never"):
        source.publish("language", "2", other)


def test_a_damaged_version_is_not_published(store: Path, source: FolderSource, tmp_path: Path):
    made = publish(tmp_path / "made", "language", "3", {"a": b"aaa"})
    damage(made / "a")
    with pytest.raises(ModelStoreError, match="another sha256"):
        source.publish("language", "3", made)
    assert names(store / "language") == ["1", "2", "aliases.json"]


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path):
    made = publish(tmp_path / "made", "toy", "1", {"a": b"a"})
    (tmp_path / "file").touch()
    source = FolderSource((tmp_path / "file").as_uri(), timeout_s=1)
    with pytest.raises(ModelStoreError, match=r"file/toy cannot be changed: Not a directory\."):
        source.publish("toy", "1", made)


def test_aliases_stay_readable_by_people(store: Path, source: FolderSource):
    source.move_alias("language", "champion", "2", before="1")
    text = (store / "language" / "aliases.json").read_text()
    assert text == json.dumps({"champion": "2"}, indent=2) + "\n"
