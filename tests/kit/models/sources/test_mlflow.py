"""The feature `mlflow` over a real MLflow server."""

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from servekit.registry.errors import ModelStoreError
from servekit.registry.sources.layout import MAX_JSON_BYTES
from servekit.registry.sources.source import ModelSource
from servekit.registry.store import ModelStore
from servekit.registry.version_files import verified, write_version
from servekit.testing.store import STORE
from servekit.testing.subprocesses import printed_by

from acme_service.features import sources

from .mlflow_server import new_name, opened, publish, server_port
from tests.commands import run

pytestmark = pytest.mark.slow

WITHOUT_WHAT_TRAINS = """
import sys
for module in ("alembic", "flask", "pandas", "pyarrow", "scipy", "sklearn", "sqlalchemy"):
    sys.modules[module] = None
from pathlib import Path
from tempfile import mkdtemp
from acme_service.features import sources
from servekit.registry.store import ModelStore
store = ModelStore(tuple(sources()), {url!r}, Path(mkdtemp(dir={folder!r})), 30)
print(store.open("language@champion").reference)
"""


@pytest.fixture(scope="module")
def url() -> str:
    return f"mlflow:http://127.0.0.1:{server_port()}"


@pytest.fixture(scope="module")
def trained(url: str) -> str:
    """The registry after `make train`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_STORE", url)
        assert run("train") == ""
    return url


@pytest.fixture(scope="module")
def source(url: str) -> ModelSource:
    return opened(url)


@pytest.fixture
def name(source: ModelSource) -> str:
    """A model whose champion is version 1 of two."""
    name = new_name()
    publish(source, name, "1")
    publish(source, name, "2", b"more weights")
    source.move_alias(name, "champion", "1", None)
    return name


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(source: ModelSource, name: str, version: str, content: bytes = b"weights") -> str:
    with pytest.raises(ModelStoreError) as caught:
        publish(source, name, version, content)
    return str(caught.value)


@pytest.mark.parametrize("version", ["1", "2"])
def test_training_registers_what_it_would_have_put_into_the_folder(
    trained: str, version: str, tmp_path: Path
):
    source = opened(trained)
    assert source.fetch("language", version, tmp_path) == tmp_path
    assert contents(tmp_path) == contents(STORE / "language" / version)
    assert source.aliases("language") == {"champion": "1"}


def test_training_logs_a_run_for_each_version(trained: str):
    from mlflow import MlflowClient

    client = MlflowClient(trained.partition(":")[2])
    made = client.get_model_version("language", "2")
    run = client.get_run(str(made.run_id))
    assert (run.info.run_name, run.info.status) == ("language:2", "FINISHED")
    assert run.data.params["parameters.smoothing"] == "1e-05"
    assert run.data.params["training.license"] == "Apache-2.0"
    assert run.data.params["languages"].startswith("ar bg bn cs da de")
    assert run.data.metrics["accuracy"] >= 0.9
    assert run.data.metrics["size_bytes/model.npz"] == 512_576


def test_training_again_registers_nothing_new(
    trained: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("MODEL_STORE", trained)
    assert run("train") == ""
    assert opened(trained).versions("language") == ["1", "2"]
    assert "language:2  31 languages" in capsys.readouterr().out


def test_the_slim_client_is_enough_to_serve(trained: str, tmp_path: Path):
    program = WITHOUT_WHAT_TRAINS.format(url=trained, folder=str(tmp_path))
    assert printed_by(program) == "language:1"


def test_an_alias_moves_forth_and_back(source: ModelSource, name: str):
    source.move_alias(name, "champion", "2", "1")
    assert source.aliases(name) == {"champion": "2"}
    source.move_alias(name, "champion", "1", "2")
    assert source.aliases(name) == {"champion": "1"}


def test_of_two_who_move_an_alias_the_second_is_told(source: ModelSource, name: str):
    source.move_alias(name, "champion", "2", "1")
    with pytest.raises(ModelStoreError, match=r"'champion' in .* means 2 by now instead of 1"):
        source.move_alias(name, "champion", "2", "1")


def test_what_the_registry_does_not_have_is_named(source: ModelSource, name: str, tmp_path: Path):
    for call, words in {
        lambda: source.aliases("nobody"): "Model with name=nobody not found",
        lambda: source.versions("nobody"): "Model with name=nobody not found",
        lambda: source.fetch(name, "9", tmp_path): f"name={name}, version=9",
        lambda: source.fetch(name, "x", tmp_path): "must be an integer",
        lambda: source.move_alias(name, "champion", "9", "1"): f"name={name}, version=9",
        lambda: source.move_alias(name, "latest", "2", None): "alias name .* is reserved",
        lambda: source.aliases("../x"): "Invalid model name",
    }.items():
        with pytest.raises(ModelStoreError, match=words) as caught:
            call()
        assert str(caught.value).count("\n") == 0


def test_versions_come_in_the_order_of_their_numbers(url: str, source: ModelSource, name: str):
    from mlflow import MlflowClient

    client = MlflowClient(url.partition(":")[2])
    made = client.get_model_version(name, "2")
    for _ in range(3, 11):
        client.create_model_version(name, str(made.source), made.run_id)
    assert source.versions(name) == [str(version) for version in range(1, 11)]


def test_a_version_never_changes(source: ModelSource, name: str):
    publish(source, name, "1")
    assert f"{name}:1 is at" in refused(source, name, "1", b"other weights")
    assert source.versions(name) == ["1", "2"]


def test_the_registry_gives_the_numbers(source: ModelSource, name: str, tmp_path: Path):
    assert "its next version of " + name in refused(source, name, "latest")
    assert f"version of {name} is at least 4." in refused(source, name, "7")
    assert f"version of {name} is at least 5." in refused(source, name, "3")
    assert source.versions(name) == ["1", "2"]
    publish(source, name, "5")
    verified(source.fetch(name, "5", tmp_path), name, "5")


def test_a_run_that_fails_registers_nothing(
    source: ModelSource, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from mlflow import MlflowClient

    def fail(self: MlflowClient, run_id: str, path: str, place: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MlflowClient, "log_artifact", fail)
    with pytest.raises(KeyboardInterrupt):
        publish(source, name, "3")
    assert source.versions(name) == ["1", "2"]


def test_a_foreign_version_without_a_manifest_is_refused(
    url: str, source: ModelSource, name: str, tmp_path: Path
):
    from mlflow import MlflowClient

    client = MlflowClient(url.partition(":")[2])
    made = client.get_model_version(name, "1")
    client.create_model_version(name, f"{made.source}/elsewhere", made.run_id)
    with pytest.raises(ModelStoreError, match=r"has no manifest\.json at mlflow-artifacts:/"):
        source.fetch(name, "3", tmp_path)
    client.create_model_version(name, str(made.source), made.run_id)
    with pytest.raises(ModelStoreError, match=f"is not about {name}:4"):
        source.fetch(name, "4", tmp_path)


@pytest.mark.parametrize("path", ["../outside.npz", "/etc/passwd"])
def test_a_manifest_cannot_lead_out_of_its_folder(
    url: str, source: ModelSource, name: str, path: str, tmp_path: Path
):
    from mlflow import MlflowClient

    client = MlflowClient(url.partition(":")[2])
    made = client.get_model_version(name, "2")
    manifest = json.loads((source.fetch(name, "2", tmp_path) / "manifest.json").read_text())
    manifest["files"] = {path: {"sha256": "", "size_bytes": 1}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    client.log_artifact(str(made.run_id), str(tmp_path / "manifest.json"), "model")
    with pytest.raises(ModelStoreError, match="Invalid path"):
        source.fetch(name, "2", tmp_path / "into")


def test_a_larger_file_than_its_manifest_says_is_not_fetched(
    url: str, source: ModelSource, name: str, tmp_path: Path
):
    from mlflow import MlflowClient

    client = MlflowClient(url.partition(":")[2])
    larger = tmp_path / "model.npz"
    larger.write_bytes(bytes(1_000))
    client.log_artifact(str(client.get_model_version(name, "2").run_id), str(larger), "model")
    with pytest.raises(ModelStoreError, match=r"npz .* has 1000 bytes where its manifest says"):
        source.fetch(name, "2", tmp_path / "into")
    assert not (tmp_path / "into/model.npz").exists()


def relog(url: str, name: str, version: str, file: Path) -> None:
    """Put another file in the place of one of a version, as other programs may."""
    from mlflow import MlflowClient

    client = MlflowClient(url.partition(":")[2])
    client.log_artifact(str(client.get_model_version(name, version).run_id), str(file), "model")


@pytest.mark.parametrize("more_bytes", [0, 1])
def test_a_manifest_is_fetched_up_to_the_size_that_is_read(
    url: str, source: ModelSource, name: str, more_bytes: int, tmp_path: Path
):
    manifest = tmp_path / "manifest.json"
    source.fetch(name, "2", tmp_path)
    spaces = MAX_JSON_BYTES + more_bytes - manifest.stat().st_size
    with manifest.open("ab") as file:
        file.write(b" " * spaces)
    relog(url, name, "2", manifest)
    into = tmp_path / "into"
    if not more_bytes:
        verified(source.fetch(name, "2", into), name, "2")
        return
    with pytest.raises(
        ModelStoreError, match=r"manifest\.json at .* is too large for JSON of the model store"
    ):
        source.fetch(name, "2", into)
    assert [*into.iterdir()] == []


def test_a_manifest_that_is_too_large_is_not_registered(source: ModelSource, tmp_path: Path):
    name = new_name()
    notes = {"notes": "x" * MAX_JSON_BYTES}
    write_version(tmp_path, name, "1", {"model.npz": b"weights"}, notes)
    with pytest.raises(ModelStoreError, match="is too large for JSON of the model store"):
        source.publish(name, "1", tmp_path)
    with pytest.raises(ModelStoreError, match="not found"):
        source.versions(name)


def bomb(tmp_path: Path) -> Path:
    """An archive of zeros."""
    path = tmp_path / "model.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights.npy", bytes(1_000_000))
    return path


@pytest.mark.parametrize("files", [(), ("*.npz",)], ids=["manifest", "no manifest"])
def test_an_archive_that_would_fill_the_memory_is_refused(
    url: str, source: ModelSource, name: str, files: tuple[str, ...], tmp_path: Path
):
    with_manifest = tmp_path / "version"
    with_manifest.mkdir()
    write_version(with_manifest, name, "2", {"model.npz": bomb(tmp_path)}, {})
    for path in with_manifest.iterdir():
        relog(url, name, "2", path)
    version = "3" if files else "2"
    if files:
        register_without_manifest(url, name, with_manifest / "model.npz")
    store = ModelStore([*sources()], url, tmp_path / "cache", 30, files=files)
    with pytest.raises(ModelStoreError, match=r"npz would inflate to 1000000 bytes, more than 100"):
        store.open(f"{name}:{version}")
    assert [*(tmp_path / "cache").rglob("*.npz")] == []


def register_without_manifest(url: str, name: str, file: Path) -> None:
    """Register one more version, as programs do that know nothing of manifests."""
    from mlflow import MlflowClient

    client = MlflowClient(url.partition(":")[2])
    run = client.create_run("0")
    client.log_artifact(run.info.run_id, str(file), "m")
    client.create_model_version(name, f"{run.info.artifact_uri}/m", run.info.run_id)


def test_each_folder_of_a_version_is_listed_once(
    source: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from mlflow import artifacts

    from servekit.registry.sources.mlflow import registry

    listed: Counter[str] = Counter()

    def counted(artifact_uri: str, **options: Any) -> Any:
        listed[artifact_uri.rpartition("/model")[2]] += 1
        return artifacts.list_artifacts(artifact_uri=artifact_uri, **options)

    monkeypatch.setattr(registry, "list_artifacts", counted)
    name, folder = new_name(), tmp_path / "version"
    folder.mkdir()
    parts = {f"{inside}{number}.npz": b"" for inside in ("", "deep/") for number in range(9)}
    write_version(folder, name, "1", {**parts}, {})
    source.publish(name, "1", folder)
    verified(source.fetch(name, "1", tmp_path / "into"), name, "1")
    assert listed == {"": 1, "/deep": 1}
