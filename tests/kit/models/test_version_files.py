"""What a version is made of: contents or files, in folders, and nothing that runs code."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from servekit.registry.errors import ModelStoreError
from servekit.registry.sources.folder import FolderSource
from servekit.registry.training import Training
from servekit.registry.version_files import CHUNK_BYTES, verified, write_version
from servekit.testing.versions import publish

PICKLES = ["model.pkl", "model.joblib", "a/model.PT", "model.pth", "model.pickle"]


@pytest.fixture
def source(tmp_path: Path) -> FolderSource:
    return FolderSource((tmp_path / "store").as_uri(), timeout_s=5)


def test_files_in_folders_are_copied_whatever_their_size(
    tmp_path: Path, source: FolderSource
) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"0123456789abcdef" * (CHUNK_BYTES // 16) * 2 + b"end")
    training = Training(source)
    training.publish_next("toy", {"a/b/large.bin": large, "config.json": b"{}"}, {"of": "tests"})
    folder = source.fetch("toy", "1", tmp_path)
    files = verified(folder, "toy", "1")
    assert files.path("a/b/large.bin").read_bytes() == large.read_bytes()
    assert (files.path("config.json").read_bytes(), files.manifest["of"]) == (b"{}", "tests")
    assert (training.published, source.aliases("toy")) == (["toy:1"], {"champion": "1"})


def test_the_next_version_follows_the_highest_and_leaves_the_champion(source: FolderSource) -> None:
    Training(source, version="9").publish_next("toy", {"a": b"a"}, {})
    Training(source).publish_next("toy", {"a": b"b"}, {})
    assert (source.versions("toy"), source.aliases("toy")) == (["9", "10"], {"champion": "9"})


@pytest.mark.parametrize("file", PICKLES)
def test_a_pickle_is_refused_by_its_name(tmp_path: Path, source: FolderSource, file: str) -> None:
    sentence = (
        f"'{file}' in {{}} is a pickle, which can run code when it is loaded: export the model as"
        " ONNX, safetensors or JSON instead."
    )
    with pytest.raises(ModelStoreError) as refused:
        Training(source).publish_next("toy", {file: b""}, {})
    assert str(refused.value) == sentence.format("the version toy:1")
    folder = publish(tmp_path, "toy", "1", {"model": b""})
    manifest = folder / "manifest.json"
    content = json.loads(manifest.read_text())
    content["files"] = {file: content["files"]["model"]}
    manifest.write_text(json.dumps(content))
    with pytest.raises(ModelStoreError) as refused:
        verified(folder, "toy", "1")
    assert str(refused.value) == sentence.format(manifest)


@pytest.mark.parametrize("file", ["../a", "/a", "a/../../b", "manifest.json", ".hidden", ""])
def test_no_file_leads_out_of_its_version(tmp_path: Path, file: str) -> None:
    with pytest.raises(ModelStoreError, match="Invalid path"):
        write_version(tmp_path, "toy", "1", {file: b""}, {})
    assert [*tmp_path.iterdir()] == []


def test_a_file_that_is_not_there_is_named(tmp_path: Path, source: FolderSource) -> None:
    missing = tmp_path / "missing.onnx"
    with pytest.raises(ModelStoreError, match=r"missing.onnx cannot be read: No such file"):
        Training(source).publish_next("toy", {"model.onnx": missing}, {})


def archive(method: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as file:
        file.writestr("weights.npy", bytes(1_000_000))
    return content.getvalue()


def test_an_archive_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    write_version(tmp_path, "toy", "1", {"model.npz": archive(zipfile.ZIP_DEFLATED)}, {})
    with pytest.raises(ModelStoreError, match=r"npz would inflate to 1000000 bytes, more than 100"):
        verified(tmp_path, "toy", "1")
    write_version(tmp_path, "toy", "1", {"model.npz": archive(zipfile.ZIP_STORED)}, {})
    verified(tmp_path, "toy", "1")


def test_an_archive_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    content = bytearray(archive(zipfile.ZIP_STORED))
    content[content.index(b"PK\x01\x02") + 6] = 99  # the version that is needed to read it
    write_version(tmp_path, "toy", "1", {"model.npz": bytes(content)}, {})
    with pytest.raises(ModelStoreError, match=r"npz is an archive that cannot be read: zip file"):
        verified(tmp_path, "toy", "1")


@pytest.mark.parametrize("size_bytes", [None, -1, "3", 3.0, True])
def test_a_manifest_says_a_size_that_can_be_checked(tmp_path: Path, size_bytes: object) -> None:
    folder = publish(tmp_path, "toy", "1", {"model": b"abc"})
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["model"]["size_bytes"] = size_bytes
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelStoreError, match="gives no sha256 and size_bytes for 'model'"):
        verified(folder, "toy", "1")


def test_a_manifest_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    folder = publish(tmp_path, "toy", "1", {"model": b""})
    with (folder / "manifest.json").open("ab") as file:
        file.truncate(5_000_000)
    with pytest.raises(ModelStoreError, match=r"manifest.json is too large for JSON of the"):
        verified(folder, "toy", "1")
