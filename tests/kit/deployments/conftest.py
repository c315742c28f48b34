"""Replicas that look when a test asks them to, at a store that a test may spoil."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from servekit.registry import versions
from servekit.registry.settings import StoreSettings
from servekit.serving import deployment
from servekit.serving.deployment import VersionedDeployment
from servekit.testing.fakes import FakeMeter
from servekit.testing.store import STORE

from .replica import MODEL, Begin
from tests.registry import Registry


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
    begun: list[VersionedDeployment] = []

    def start(
        timeout_s: float = 5.0, refresh_s: float = 3600.0, max_replaced: int = 2
    ) -> VersionedDeployment:
        registry.calls.clear()
        cache = tmp_path / "cache"
        settings = StoreSettings(
            "registry://models", cache, refresh_s, timeout_s, max_replaced=max_replaced
        )
        model = VersionedDeployment(*MODEL, (registry.kind,), lambda: meter, settings)
        begun.append(model)
        return model

    yield start
    for model in begun:
        model.close()


@pytest.fixture
def model(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> VersionedDeployment:
    monkeypatch.setattr(versions, "LOOK_PAUSE_S", 0.0)
    # What a look has begun is over when it ends, on a busy machine too.
    monkeypatch.setattr(deployment, "LOOK_S", 60)
    return begin()
