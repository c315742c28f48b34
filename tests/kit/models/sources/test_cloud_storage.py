"""The feature `cloud_storage` over a real server of the S3 protocol."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from servekit.registry.errors import ModelStoreError
from servekit.registry.sources.source import ModelSource
from servekit.registry.version_files import verified
from servekit.testing.store import STORE

from .cloud_storage_server import Prefix, Server, opened, running

ALIASES = "language/aliases.json"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def prefix(server: Server) -> Prefix:
    """A place for one test, with nothing in it."""
    return Prefix(server)


@pytest.fixture
def source(prefix: Prefix) -> ModelSource:
    """A source with version 1, which is the champion."""
    source = opened(prefix.url)
    source.publish("language", "1", STORE / "language" / "1")
    source.move_alias("language", "champion", "1", None)
    return source


def refused(source: ModelSource, alias: str, version: str, before: str | None) -> str:
    with pytest.raises(ModelStoreError) as caught:
        source.move_alias("language", alias, version, before)
    return str(caught.value)


def test_what_was_published_is_fetched_byte_for_byte(source: ModelSource, tmp_path: Path):
    assert source.fetch("language", "1", tmp_path) == tmp_path
    verified(tmp_path, "language", "1")
    for path in (STORE / "language" / "1").iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_a_bucket_is_laid_out_like_the_folder(source: ModelSource, prefix: Prefix):
    names = [path.name for path in (STORE / "language" / "1").iterdir()]
    assert prefix.paths() == sorted([ALIASES, *(f"language/1/{name}" for name in names)])
    assert prefix.get(ALIASES) == (STORE / ALIASES).read_bytes()


def test_versions_are_listed_oldest_first(source: ModelSource, prefix: Prefix):
    for version in ("10", "9", "2"):
        prefix.put({f"language/{version}/manifest.json": b"{}"})
    assert source.versions("language") == ["1", "2", "9", "10"]


def test_a_half_uploaded_version_is_none(source: ModelSource, prefix: Prefix, tmp_path: Path):
    prefix.put({"language/2/model.npz": b"the beginning"})
    assert source.versions("language") == ["1"]
    with pytest.raises(ModelStoreError, match=r"There is no s3://.*/language/2/manifest\.json\."):
        source.fetch("language", "2", tmp_path)


def test_a_model_without_aliases_has_none(prefix: Prefix):
    source = opened(prefix.url)
    source.publish("language", "1", STORE / "language" / "1")
    assert source.aliases("language") == {}


def test_an_unknown_model_is_named(prefix: Prefix):
    for ask in (opened(prefix.url).aliases, opened(prefix.url).versions):
        with pytest.raises(ModelStoreError) as caught:
            ask("other")
        assert str(caught.value) == f"There is no version of 'other' at {prefix.url}."


def test_an_unknown_bucket_is_named(server: Server):
    source = opened("s3://no-such-bucket")
    with pytest.raises(ModelStoreError, match="with status 404 "):
        source.aliases("language")
    with pytest.raises(ModelStoreError, match="There is no s3://no-such-bucket to write to"):
        source.publish("language", "1", STORE / "language" / "1")


def test_an_alias_moves_and_leaves_the_others(source: ModelSource):
    source.move_alias("language", "challenger", "2", None)
    source.move_alias("language", "champion", "2", "1")
    assert source.aliases("language") == {"champion": "2", "challenger": "2"}


def test_an_alias_that_somebody_else_has_moved_stays(source: ModelSource):
    source.move_alias("language", "champion", "2", "1")
    assert "means 2 by now instead of 1" in refused(source, "champion", "3", "1")
    assert "means 2 by now instead of nothing" in refused(source, "champion", "3", None)
    assert source.aliases("language") == {"champion": "2"}


def test_of_many_who_promote_at_once_one_wins(prefix: Prefix, source: ModelSource):
    def promote(version: int) -> str:
        try:
            opened(prefix.url).move_alias("language", "champion", str(version), "1")
        except ModelStoreError as error:
            assert "by now instead of 1" in str(error)  # noqa: PT017
            return ""
        return str(version)

    with ThreadPoolExecutor(8) as trainers:
        winners = [*filter(None, trainers.map(promote, range(2, 10)))]
    assert winners == [source.aliases("language")["champion"]]


def test_different_aliases_that_move_at_once_all_move(prefix: Prefix, source: ModelSource):
    aliases = ["one", "two", "three"]
    with ThreadPoolExecutor(3) as trainers:
        moves = [
            trainers.submit(opened(prefix.url).move_alias, "language", alias, "1", None)
            for alias in aliases
        ]
    assert [move.result() for move in moves] == [None] * 3
    assert source.aliases("language").keys() == {"champion", *aliases}


def test_a_version_published_twice_is_there_once(source: ModelSource):
    source.publish("language", "1", STORE / "language" / "1")
    assert source.versions("language") == ["1"]


def changed(tmp_path: Path, **facts: object) -> Path:
    """Version 1 with another manifest."""
    folder = shutil.copytree(STORE / "language" / "1", tmp_path / "1")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_text(json.dumps(manifest | facts))
    return folder


def test_a_version_never_changes(source: ModelSource, prefix: Prefix, tmp_path: Path):
    before = prefix.get("language/1/manifest.json")
    with pytest.raises(ModelStoreError, match="already exists, with other content"):
        source.publish("language", "1", changed(tmp_path, training="again"))
    assert prefix.get("language/1/manifest.json") == before


def test_an_upload_that_was_cut_off_can_be_repeated(prefix: Prefix):
    content = (STORE / "language" / "1" / "model.npz").read_bytes()
    prefix.put({"language/1/model.npz": content})
    opened(prefix.url).publish("language", "1", STORE / "language" / "1")
    assert opened(prefix.url).versions("language") == ["1"]


def test_what_another_upload_has_left_is_not_overwritten(prefix: Prefix):
    prefix.put({"language/1/model.npz": b"another training"})
    with pytest.raises(ModelStoreError, match="from a version that was not finished"):
        opened(prefix.url).publish("language", "1", STORE / "language" / "1")
    assert prefix.get("language/1/model.npz") == b"another training"
    assert "language/1/manifest.json" not in prefix.paths()


def test_a_version_that_is_not_sound_is_not_published(prefix: Prefix, tmp_path: Path):
    folder = changed(tmp_path)
    (folder / "model.npz").write_bytes(b"")
    with pytest.raises(ModelStoreError, match=r"model\.npz has 0 bytes where its manifest says"):
        opened(prefix.url).publish("language", "1", folder)
    assert prefix.paths() == []


@pytest.mark.parametrize("file", ["../2/model.npz", "/etc/passwd", "a/../../b", "a\\b", ".", "c:d"])
def test_a_manifest_cannot_lead_out_of_its_folder(prefix: Prefix, tmp_path: Path, file: str):
    files = {file: {"sha256": "", "size_bytes": 0}}
    manifest = {"name": "language", "version": "1", "files": files}
    prefix.put({"language/1/manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(ModelStoreError, match="Invalid path "):
        opened(prefix.url).fetch("language", "1", tmp_path)
    assert [*tmp_path.rglob("*")] == []


def test_a_file_that_the_manifest_names_and_nobody_has_is_named(prefix: Prefix, tmp_path: Path):
    prefix.put({"language/1/manifest.json": (STORE / "language/1/manifest.json").read_bytes()})
    with pytest.raises(ModelStoreError, match=r"There is no s3://.*/language/1/.*\."):
        opened(prefix.url).fetch("language", "1", tmp_path)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"champion": "../1"}'])
def test_aliases_that_are_none_are_named(prefix: Prefix, content: bytes):
    prefix.put({ALIASES: content})
    with pytest.raises(ModelStoreError, match=f"{prefix.url}/{ALIASES}"):
        opened(prefix.url).aliases("language")


def test_names_cannot_climb(source: ModelSource, tmp_path: Path):
    with pytest.raises(ModelStoreError, match="Invalid model name"):
        source.aliases("../other")
    with pytest.raises(ModelStoreError, match="Invalid version name"):
        source.fetch("language", "..", tmp_path)
    with pytest.raises(ModelStoreError, match="Invalid version name"):
        source.publish("language", "../2", STORE / "language" / "2")


SAVED = {
    "churn/3/tokenizer": b"",  # as consoles mark folders
    "churn/a folder/x": b"",
    "churn/3/model.onnx": b"weights",
    "churn/3/tokenizer/vocabulary.json": b"{}",
    "churn/3/notes.txt": b"not asked for",
    "churn/10/model.pkl": b"pickle",
}


def test_versions_without_manifests_are_folders(prefix: Prefix, tmp_path: Path):
    prefix.put(SAVED)
    source = opened(prefix.url)
    assert source.versions("churn") == ["3", "10"]
    assert source.aliases("churn") == {}
    source.fetch("churn", "3", tmp_path, ["model.onnx", "tokenizer/*"])
    found = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")]
    assert sorted(found) == ["model.onnx", "tokenizer/vocabulary.json"]
    source.move_alias("churn", "champion", "3", None)
    assert source.aliases("churn") == {"champion": "3"}


def test_a_version_without_manifest_needs_named_files(prefix: Prefix, tmp_path: Path):
    prefix.put(SAVED)
    source = opened(prefix.url)
    with pytest.raises(ModelStoreError, match=r"There is no s3:.*/churn/3/manifest\.json"):
        source.fetch("churn", "3", tmp_path)
    with pytest.raises(ModelStoreError, match=r"s3:.*/churn/10; 'model\.pkl' there is a pickle"):
        source.fetch("churn", "10", tmp_path, ["model.onnx"])
    with pytest.raises(ModelStoreError, match=r"There is no file 'model\.onnx' in s3:"):
        source.fetch("churn", "4", tmp_path, ["model.onnx"])


def test_a_published_version_without_a_manifest_is_unfinished(
    source: ModelSource, prefix: Prefix, tmp_path: Path
):
    prefix.put({"language/9/model.npz": b"weights"})
    with pytest.raises(ModelStoreError, match=r"There is no s3:.*/language/9/manifest\.json"):
        source.fetch("language", "9", tmp_path, ["model.npz"])


def test_a_larger_object_than_its_manifest_says_is_not_fetched(
    source: ModelSource, prefix: Prefix, tmp_path: Path
):
    prefix.put({"language/1/model.npz": bytes(5_000_000)})
    with pytest.raises(ModelStoreError, match=r"npz has 5000000 bytes where its manifest says"):
        source.fetch("language", "1", tmp_path)
    assert (tmp_path / "model.npz").stat().st_size == 0
