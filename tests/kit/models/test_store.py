import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from servekit.registry.errors import ModelStoreError
from servekit.registry.sources.folder import store_folder
from servekit.registry.store import open_model
from servekit.registry.version_files import ModelFiles
from servekit.testing.store import STORE


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A copy of the store that a test may break."""
    return shutil.copytree(STORE, tmp_path / "model store")


def refusal(store_url: str, reference: str = "language@champion") -> str:
    with pytest.raises(ModelStoreError) as caught:
        open_model(store_url, reference)
    return str(caught.value)


def rewrite(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_an_alias_and_a_version_open_the_same_files(store: Path):
    champion = open_model(store.as_uri(), "language@champion")
    assert champion == open_model(store.as_uri(), "language:1")
    assert isinstance(champion, ModelFiles)
    assert champion.folder == store / "language" / "1"
    assert champion.path("model.npz").is_file()


def test_another_version_is_another_model(store: Path):
    assert open_model(store.as_uri(), "language:2").version == "2"


def test_an_alias_can_be_moved(store: Path):
    rewrite(store / "language" / "aliases.json", champion="2")
    assert open_model(store.as_uri(), "language@champion").version == "2"


def test_a_relative_store_starts_at_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert store_folder("file:model_store") == tmp_path / "model_store"


@pytest.mark.parametrize(
    "url", ["file:///srv/a%20b", "FILE:///srv/a%20b", "file://localhost/srv/a%20b", "file:/srv/a b"]
)
def test_an_absolute_store_has_three_slashes(url: str):
    assert store_folder(url) == Path("/srv/a b")


@pytest.mark.parametrize(
    ("scheme", "feature"),
    [
        *(("s3", "cloud_storage"), ("gs", "cloud_storage"), ("AZ", "cloud_storage")),
        *(("https", "cloud_storage"), ("mlflow", "mlflow"), ("hf", "huggingface")),
    ],
)
def test_the_store_of_a_declined_feature_names_that_feature(scheme: str, feature: str):
    message = refusal(f"{scheme}://user:secret@host/bucket")
    assert message == (
        f"A model store at {scheme.lower()}: needs the feature {feature},"
        " which this service was made without."
    )


def test_an_unknown_scheme_is_refused_without_its_secrets():
    message = refusal("ftp://user:secret@host/models")
    assert message == "A model store at ftp: is not supported, only file: is."


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("model_store", "The model store 'model_store' is not a URL"),
        ("", "The model store '' is not a URL"),
        ("//user:secret@host/models", "The model store '//host/models' is not a URL"),
        ("file:", "names no folder"),
        ("file://", "names a host"),
        ("file://host/store", "names a host"),
    ],
)
def test_a_store_that_is_no_file_url_is_refused(url: str, reason: str):
    assert reason in refusal(url)


def test_a_store_that_is_not_there_is_named(tmp_path: Path):
    assert str(tmp_path / "gone") in refusal((tmp_path / "gone").as_uri())
    assert "nul" in refusal("file:nul%00byte")


@pytest.mark.parametrize(
    "reference",
    [
        *("", "language", "language@", "language:", "@champion", "language@a@b", "language:1\n"),
        *("../x@champion", "/etc:1", "language:..", "language:../../x", "language@../x"),
        *(".hidden:1", "a/b:1", "a\\b:1", "language:1/..", "language:/tmp"),
    ],
)
def test_a_reference_is_a_name_and_an_alias_or_a_version(store: Path, reference: str):
    message = refusal(store.as_uri(), reference)
    assert message == (f"The model reference {reference!r} is neither name@alias nor name:version.")


def test_an_unknown_model_is_named(store: Path):
    assert "'other'" in refusal(store.as_uri(), "other:1")


def test_an_unknown_version_is_named(store: Path):
    assert "no version language:9 at" in refusal(store.as_uri(), "language:9")


def test_an_unknown_alias_is_named(store: Path):
    message = refusal(store.as_uri(), "language@challenger")
    assert message == f"The model 'language' at {store.as_uri()} has no alias 'challenger'."


@pytest.mark.parametrize("version", ["../../x", "/tmp", "", 1, ["1"]])
def test_an_alias_cannot_lead_out_of_the_store(store: Path, version: object):
    rewrite(store / "language" / "aliases.json", champion=version)
    assert "Invalid version of the alias" in refusal(store.as_uri())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"1"', b"\xff\xfe", b"[" * 100_000])
@pytest.mark.parametrize("file", ["aliases.json", "1/manifest.json"])
def test_bad_json_is_named(store: Path, file: str, content: bytes):
    path = store / "language" / file
    path.write_bytes(content)
    assert refusal(store.as_uri()).startswith(str(path))


def test_a_model_without_aliases_has_versions(store: Path):
    (store / "language" / "aliases.json").unlink()
    assert "has no alias 'champion'" in refusal(store.as_uri())
    assert open_model(store.as_uri(), "language:1").version == "1"


@pytest.mark.parametrize("file", ["1/manifest.json", "1/model.npz", "1/golden.jsonl"])
def test_a_missing_file_is_named(store: Path, file: str):
    path = store / "language" / file
    path.unlink()
    assert refusal(store.as_uri()) == f"{path} cannot be read: No such file or directory."


def test_a_folder_in_place_of_a_file_is_named(store: Path):
    path = store / "language" / "1" / "manifest.json"
    path.unlink()
    path.mkdir()
    assert refusal(store.as_uri()).startswith(str(path))


def test_a_truncated_file_is_named(store: Path):
    path = store / "language" / "1" / "model.npz"
    path.write_bytes(path.read_bytes()[:-1])
    assert refusal(store.as_uri()).startswith(f"{path} has 165")


def test_an_altered_file_is_named(store: Path):
    path = store / "language" / "1" / "model.npz"
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)
    assert refusal(store.as_uri()) == f"{path} has another sha256 than its manifest says."


@pytest.mark.parametrize("changes", [{"name": "other"}, {"version": "2"}, {"version": 1}])
def test_a_manifest_about_another_model_is_refused(store: Path, changes: dict[str, Any]):
    path = store / "language" / "1" / "manifest.json"
    rewrite(path, **changes)
    assert refusal(store.as_uri()) == f"{path} is not about language:1."


@pytest.mark.parametrize("file", ["../2/model.npz", "/etc/passwd", "a/../../b", "", "a\\b", "."])
def test_a_manifest_cannot_lead_out_of_its_folder(store: Path, file: str):
    rewrite(
        store / "language" / "1" / "manifest.json", files={file: {"sha256": "", "size_bytes": 0}}
    )
    assert f"Invalid path {file!r} in " in refusal(store.as_uri())


@pytest.mark.parametrize("files", [None, {}, [], "model.npz", {"model.npz": {}}, {"a": "b"}])
def test_a_manifest_vouches_for_every_file(store: Path, files: object):
    path = store / "language" / "1" / "manifest.json"
    rewrite(path, files=files)
    assert refusal(store.as_uri()).startswith(str(path))


def test_a_file_outside_the_manifest_is_not_handed_out(store: Path):
    (store / "language" / "1" / "stray.npz").touch()
    with pytest.raises(ModelStoreError, match=r"manifest\.json names no file 'stray\.npz'"):
        open_model(store.as_uri(), "language:1").path("stray.npz")


def test_a_refusal_crosses_processes_intact():
    error = pickle.loads(pickle.dumps(ModelStoreError("It is not there.")))
    assert (type(error), str(error)) == (ModelStoreError, "It is not there.")
