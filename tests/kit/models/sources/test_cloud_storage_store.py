"""The feature `cloud_storage` behind the store that the service opens its models with."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from servekit.contracts import Prediction
from servekit.registry.errors import ModelStoreError, StoreUnreachableError
from servekit.registry.settings import StoreSettings
from servekit.registry.store import ModelStore, parse_reference
from servekit.serving.deployment import VersionedDeployment
from servekit.testing.store import STORE

from acme_service.contracts.language import Query
from acme_service.features import sources

from .cloud_storage_server import Prefix, Server, opened, running
from tests.deployments.replica import MODEL

CHAMPION = "language@champion"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def prefix(server: Server) -> Prefix:
    """A place with both versions, the first of which is the champion."""
    prefix = Prefix(server)
    source = opened(prefix.url)
    for version in ("1", "2"):
        source.publish("language", version, STORE / "language" / version)
    source.move_alias("language", "champion", "1", None)
    return prefix


def store(prefix: Prefix, tmp_path: Path) -> ModelStore:
    return ModelStore([*sources()], prefix.url, tmp_path / "cache")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_version_is_fetched_once_and_then_found_without_the_server(
    prefix: Prefix, server: Server, tmp_path: Path
):
    champion = store(prefix, tmp_path).open(CHAMPION)
    store(prefix, tmp_path).record_last_good("language", "champion", champion.version)
    server.stop()
    later = store(prefix, tmp_path)
    assert later.open_version("language", "1") == champion
    with pytest.raises(StoreUnreachableError):
        later.open(CHAMPION)
    assert later.open_last_good(parse_reference(CHAMPION)) == champion
    server.start()
    assert store(prefix, tmp_path).open("language:2").version == "2"


async def test_a_replica_starts_from_the_cache_without_the_bucket(
    prefix: Prefix, server: Server, tmp_path: Path
):
    settings = StoreSettings(prefix.url, tmp_path / "cache", refresh_s=3600, timeout_s=5)
    VersionedDeployment(*MODEL, tuple(sources()), settings=settings).close()
    server.stop()
    replica = VersionedDeployment(*MODEL, tuple(sources()), settings=settings)
    [prediction] = await replica.predict_batch([Query("Wie geht es dir?")], [""])
    assert isinstance(prediction, Prediction)
    card = await replica.card()
    replica.close()
    server.start()
    assert (prediction.version, prediction.value.language) == ("language:1", "de")
    assert card.note == (
        "The model store could not give language@champion; language:1 from the cache answers."
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "has 0 bytes where its manifest says"),
        ((STORE / "language/1/model.npz").read_bytes()[:-1], "bytes where its manifest says"),
        (bytes((STORE / "language/1/model.npz").stat().st_size), "has another sha256"),
    ],
    ids=["empty", "truncated", "damaged"],
)
def test_an_object_that_is_not_as_its_manifest_says_is_refused(
    prefix: Prefix, tmp_path: Path, content: bytes, reason: str
):
    prefix.put({"language/1/model.npz": content})
    with pytest.raises(ModelStoreError, match=reason):
        store(prefix, tmp_path).open(CHAMPION)
    assert files(tmp_path) == []


def test_a_promotion_is_seen_by_all(prefix: Prefix, tmp_path: Path):
    reader = store(prefix, tmp_path)
    assert reader.open(CHAMPION).version == "1"
    store(prefix, tmp_path).move_alias("language", "champion", "2", "1")
    assert reader.open(CHAMPION).version == "2"


def test_concurrent_promotions_refuse_the_second(prefix: Prefix, tmp_path: Path):
    def promote(alias_before: str) -> str:
        try:
            store(prefix, tmp_path).move_alias("language", "champion", "2", alias_before)
        except ModelStoreError as error:
            return str(error)
        return "promoted"

    with ThreadPoolExecutor(2) as trainers:
        outcomes = sorted(trainers.map(promote, ["1", "1"]), key=len)
    assert outcomes[0] == "promoted"
    assert "it was moved meanwhile" in outcomes[1]


def test_concurrent_publications_refuse_the_second(prefix: Prefix, tmp_path: Path):
    def publish(training: str) -> str:
        folder = shutil.copytree(STORE / "language" / "1", tmp_path / training)
        manifest = json.loads((folder / "manifest.json").read_bytes())
        facts = {"version": "3", "training": training}
        (folder / "manifest.json").write_text(json.dumps(manifest | facts))
        try:
            opened(prefix.url).publish("language", "3", folder)
        except ModelStoreError as error:
            assert "already exists" in str(error)  # noqa: PT017
            return ""
        return training

    with ThreadPoolExecutor(2) as trainers:
        winners = [*filter(None, trainers.map(publish, ["one", "other"]))]
    assert winners == [store(prefix, tmp_path).open("language:3").manifest["training"]]
