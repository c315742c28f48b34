"""The feature `huggingface` over a hub of the tests' own, and over a folder."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from traceback import format_exception

import pytest

from servekit.registry.errors import ModelStoreError, StoreUnreachableError
from servekit.registry.sources.source import ModelSource
from servekit.registry.store import ModelStore, parse_reference
from servekit.registry.version_files import verified
from servekit.testing.store import STORE

from acme_service.features import sources

from .huggingface_hub import REPOSITORY, TOKEN, Hub, client_asks, opened, running

ALIASES = "language/aliases.json"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that the client asks, with the project's own models."""
    hub = Hub()
    hub.add(STORE)
    with running(hub) as url:
        client_asks(url, tmp_path / "home", monkeypatch)
        yield hub


@pytest.fixture
def source(hub: Hub) -> ModelSource:
    return opened(f"hf:{REPOSITORY}")


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def test_a_version_is_fetched_byte_for_byte(source: ModelSource, into: Path):
    assert source.fetch("language", "2", into) == into
    verified(into, "language", "2")
    for path in (STORE / "language" / "2").iterdir():
        assert (into / path.name).read_bytes() == path.read_bytes()
    assert not any(path.is_symlink() for path in into.iterdir())


def test_aliases_and_versions_are_listed(source: ModelSource, hub: Hub):
    hub.files["language/10/manifest.json"] = b"{}"
    hub.files["language/11/model.npz"] = b""
    hub.files["language/.git/manifest.json"] = b""
    assert source.aliases("language") == {"champion": "1"}
    assert source.versions("language") == ["1", "2", "10"]


def test_aliases_are_asked_for_each_time(source: ModelSource, hub: Hub):
    assert source.aliases("language") == {"champion": "1"}
    hub.commits.append(hub.files | {ALIASES: b'{"champion": "2"}'})
    assert source.aliases("language") == {"champion": "2"}


def test_a_revision_stays_what_it_was(source: ModelSource, hub: Hub):
    then = hub.sha(1)
    source.move_alias("language", "champion", "2", "1")
    assert opened(f"hf:{REPOSITORY}@{then}").aliases("language") == {"champion": "1"}
    assert opened(f"hf:{REPOSITORY}@main").aliases("language") == {"champion": "2"}


def test_a_model_without_aliases_has_none(source: ModelSource, hub: Hub):
    del hub.files[ALIASES]
    assert source.aliases("language") == {}


def test_what_is_not_there_is_named(source: ModelSource, hub: Hub, into: Path):
    for ask in (source.aliases, source.versions):
        with pytest.raises(
            ModelStoreError, match="There is no version of 'other' at hf:example/mod"
        ):
            ask("other")
    with pytest.raises(ModelStoreError, match=r"There is no hf:.*/language/9/manifest\.json"):
        source.fetch("language", "9", into)
    with pytest.raises(ModelStoreError, match="There is no revision 'v9' of example/models"):
        opened(f"hf:{REPOSITORY}@v9").aliases("language")
    with pytest.raises(ModelStoreError, match="There is no repository example/others at the hub"):
        opened("hf:example/others").aliases("language")


def test_a_token_without_access_is_named(source: ModelSource, monkeypatch: pytest.MonkeyPatch):
    another = TOKEN[::-1]
    monkeypatch.setenv("HF_TOKEN", another)
    with pytest.raises(ModelStoreError, match="HF_TOKEN does not allow it") as caught:
        source.aliases("language")
    assert another not in "".join(format_exception(caught.value))


def test_an_alias_moves_by_a_commit(source: ModelSource, hub: Hub):
    source.move_alias("language", "challenger", "2", None)
    source.move_alias("language", "champion", "2", "1")
    assert source.aliases("language") == {"champion": "2", "challenger": "2"}
    assert len(hub.commits) == 4


def test_an_alias_that_somebody_else_has_moved_stays(source: ModelSource, hub: Hub):
    source.move_alias("language", "champion", "2", "1")
    with pytest.raises(ModelStoreError, match="means 2 by now instead of 1"):
        source.move_alias("language", "champion", "3", "1")
    assert source.aliases("language") == {"champion": "2"}


def test_of_some_who_promote_at_once_one_wins(source: ModelSource):
    def promote(version: int) -> str:
        try:
            opened(f"hf:{REPOSITORY}").move_alias("language", "champion", str(version), "1")
        except ModelStoreError as error:
            assert "by now instead of 1" in str(error)  # noqa: PT017
            return ""
        return str(version)

    with ThreadPoolExecutor(4) as trainers:
        winners = [*filter(None, trainers.map(promote, range(2, 6)))]
    assert winners == [source.aliases("language")["champion"]]


def test_a_version_is_published_by_one_commit(source: ModelSource, hub: Hub, into: Path):
    hub.commits.append({})
    source.publish("language", "1", STORE / "language" / "1")
    assert len(hub.commits) == 4
    assert source.versions("language") == ["1"]
    verified(source.fetch("language", "1", into), "language", "1")


def test_a_version_published_twice_is_there_once(source: ModelSource, hub: Hub):
    source.publish("language", "1", STORE / "language" / "1")
    assert len(hub.commits) == 2


def test_a_version_never_changes(source: ModelSource, hub: Hub):
    manifest = hub.files["language/1/manifest.json"]
    hub.files["language/1/manifest.json"] = manifest.replace(b"langdetect", b"another")
    with pytest.raises(ModelStoreError, match="already exists, with other content"):
        source.publish("language", "1", STORE / "language" / "1")


def test_a_manifest_cannot_lead_out_of_its_folder(source: ModelSource, hub: Hub, into: Path):
    path = "language/1/manifest.json"
    hub.files[path] = hub.files[path].replace(b"model.npz", b"../../model.npz")
    with pytest.raises(ModelStoreError, match="Invalid path "):
        source.fetch("language", "1", into)
    assert [*into.rglob("*")] == []


def test_a_file_that_is_not_as_its_manifest_says_is_refused(hub: Hub, tmp_path: Path):
    store = ModelStore([*sources()], f"hf:{REPOSITORY}", tmp_path / "cache")
    path = "language/1/model.npz"
    for content in (hub.files[path][:-1], bytes(len(hub.files[path]))):
        hub.commits.append(hub.files | {path: content})
        with pytest.raises(ModelStoreError, match=r"model\.npz has .* manifest says"):
            store.open("language@champion")
    assert [*(tmp_path / "cache").rglob("*.npz")] == []


def test_a_version_is_fetched_once_and_then_found_without_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hub = Hub()
    hub.add(STORE)
    store = ModelStore([*sources()], f"hf:{REPOSITORY}", tmp_path / "cache")
    with running(hub) as url:
        client_asks(url, tmp_path / "home", monkeypatch)
        champion = store.open("language@champion")
        store.record_last_good("language", "champion", champion.version)
    client_asks(url, tmp_path / "another home", monkeypatch)
    with pytest.raises(StoreUnreachableError):
        store.open("language@champion")
    assert store.open_last_good(parse_reference("language@champion")) == champion


@pytest.mark.parametrize("relative", [False, True])
def test_a_folder_is_a_store_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: bool):
    folder = shutil.copytree(STORE, tmp_path / "the models")
    monkeypatch.chdir(tmp_path)
    source = opened("hf:./the models" if relative else f"hf:{folder}")
    source.move_alias("language", "champion", "2", "1")
    assert source.aliases("language") == {"champion": "2"}
    assert source.fetch("language", "2", tmp_path) == folder / "language" / "2"


@pytest.mark.parametrize(
    "url",
    ["hf:", "hf:models", "hf:a/b/c", "hf:a/b@", f"hf:user:{TOKEN}@a/b", "hf:a/..", "hf:a b/c"],
)
def test_an_address_that_is_none_is_refused_without_its_secrets(url: str):
    with pytest.raises(ModelStoreError, match="is written hf:organization/repository") as caught:
        opened(url)
    assert TOKEN not in "".join(format_exception(caught.value))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A repository as others save a model."""
    hub = Hub()
    saved = {"config.json": b"{}", "onnx/model.onnx": b"weights", "pytorch_model.bin": b"pickle"}
    hub.commits.append(saved)
    with running(hub) as url:
        client_asks(url, tmp_path / "home", monkeypatch)
        yield hub


FILES = ("config.json", "*.onnx")


def test_commits_are_versions_in_a_hub_without_manifests(repository: Hub, into: Path):
    source = opened(f"hf:{REPOSITORY}")
    commit = repository.sha(1)
    assert source.aliases("opinion") == {"champion": commit}
    assert source.versions("opinion") == [commit]
    source.fetch("opinion", commit, into, FILES)
    assert (into / "config.json").read_bytes() == b"{}"
    assert (into / "onnx/model.onnx").read_bytes() == b"weights"
    assert not (into / "pytorch_model.bin").exists()


def test_what_is_recorded_at_the_first_fetch_holds(repository: Hub, tmp_path: Path):
    store = ModelStore([*sources()], f"hf:{REPOSITORY}", tmp_path / "cache", files=FILES)
    first = store.open("opinion@champion")
    assert first.has_no_manifest
    assert [*first.manifest["files"]] == ["config.json", "onnx/model.onnx"]
    repository.commits.append(repository.files | {"config.json": b"[]"})
    second = store.open("opinion@champion")
    assert second.path("config.json").read_bytes() == b"[]"
    pinned = store.open(f"opinion:{repository.sha(1)}")
    assert pinned == first
    # A file that changes where it is kept is fetched once more.
    first.path("config.json").write_bytes(b"{ }")
    assert store.open(first.reference).path("config.json").read_bytes() == b"{}"


def test_a_class_that_needs_another_file_gets_it(repository: Hub, tmp_path: Path):
    reference = f"opinion:{repository.sha(1)}"
    for files, number in ((["config.json"], 1), (["*.onnx"], 2), (FILES, 2)):
        store = ModelStore([*sources()], f"hf:{REPOSITORY}", tmp_path / "cache", files=files)
        assert len(store.open(reference).manifest["files"]) == number
    # What cannot be had leaves what is here.
    wrong = ModelStore([*sources()], f"hf:{REPOSITORY}", tmp_path / "cache", files=["wieghts"])
    with pytest.raises(ModelStoreError, match="There is no file 'wieghts'"):
        wrong.open(reference)
    shutil.rmtree(tmp_path / "home")
    assert len(store.open(reference).manifest["files"]) == 2


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_commit_that_changes_is_refused(repository: Hub, tmp_path: Path, forgotten: bool):
    def store(*files: str) -> ModelStore:
        return ModelStore([*sources()], f"hf:{REPOSITORY}", tmp_path / "cache", files=files)

    reference = f"opinion:{repository.sha(1)}"
    first = store("config.json").open(reference)
    repository.commits[1]["config.json"] = b"[]"
    shutil.rmtree(tmp_path / "home")
    if forgotten:
        shutil.rmtree(first.folder)
    with pytest.raises(ModelStoreError, match=r"config\.json of opinion:.* is not what it was"):
        store("config.json", "*.onnx").open(reference)
    assert first.folder.exists() != forgotten


def test_what_a_repository_cannot_give_is_named(repository: Hub, tmp_path: Path):
    def refused(*files: str, reference: str = "opinion@champion") -> str:
        store = ModelStore([*sources()], f"hf:{REPOSITORY}", tmp_path / "cache", files=files)
        with pytest.raises(ModelStoreError) as caught:
            store.open(reference)
        return str(caught.value)

    commit = repository.sha(1)
    named = refused("model.safetensors")
    assert named.startswith(f"There is no file 'model.safetensors' in the commit {commit} of hf:")
    assert "; 'pytorch_model.bin' there is a pickle, which can run code" in named
    assert "'pytorch_model.bin' in the commit" in refused("*.bin")
    del repository.commits[1]["pytorch_model.bin"]
    assert f"There is no file '*.json5' in the commit {commit} of hf:" in refused("*.json5")
    assert "manifest.json" in refused()
    assert "manifest.json" in refused(*FILES, reference="opinion:main")
    assert "There is no revision" in refused(*FILES, reference=f"opinion:{'0' * 40}")
    assert [*(tmp_path / "cache").rglob("*.onnx")] == []


def test_another_commit_is_promoted_where_one_may_write(repository: Hub):
    source = opened(f"hf:{REPOSITORY}")
    first = repository.sha(1)
    repository.commits.append(repository.files | {"config.json": b"[]"})
    second = repository.sha(2)
    source.move_alias("opinion", "champion", first, second)
    assert source.aliases("opinion") == {"champion": first}


@pytest.mark.parametrize("path", ["language/aliases.json", "language/1/manifest.json"])
def test_json_that_would_fill_the_memory_is_not_fetched(
    source: ModelSource, hub: Hub, into: Path, path: str
):
    hub.files[path] = bytes(5_000_000)
    with pytest.raises(ModelStoreError, match=f"{path} is too large for JSON of the model store"):
        source.aliases("language") if "aliases" in path else source.fetch("language", "1", into)
    home = into.parent / "home"
    assert not [one for one in home.rglob("*") if one.stat().st_size > 4_900_000]


def test_a_larger_file_than_its_manifest_says_is_not_fetched(
    source: ModelSource, hub: Hub, into: Path
):
    hub.files["language/1/model.npz"] = bytes(5_000_000)
    with pytest.raises(ModelStoreError, match=r"npz has 5000000 bytes where its manifest says"):
        source.fetch("language", "1", into)
    assert not (into / "model.npz").exists()
