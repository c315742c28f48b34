"""A project whose manifests tests may edit, and what its overlays make."""

import shutil
from collections.abc import Iterator
from contextlib import chdir
from functools import cache
from pathlib import Path

import kubernetes_validate.utils
import pytest

from servekit.commands.manifests.checks import manifests_of
from servekit.commands.manifests.rules import Manifests
from servekit.testing.subprocesses import PROJECT

from tests.kubernetes.edits import COMPONENTS, OVERLAYS, REDIS, WITH_A_GPU, overlay

NAMESPACE = "namespace.yaml"


@pytest.fixture(scope="package", autouse=True)
def read_once() -> Iterator[None]:
    """Read each file of schemas once: the library does so for each resource."""
    reading = kubernetes_validate.utils.schema_contents
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kubernetes_validate.utils, "schema_contents", cache(reading))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of what is deployed, and the folder that commands run in."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(PROJECT / "deploy", folder / "deploy")
    shutil.copy(PROJECT / "serve.yaml", folder)
    with chdir(folder):
        yield folder


@pytest.fixture(scope="module")
def production(folder: Path) -> Manifests:
    return manifests_of("production")


@pytest.fixture(scope="module")
def everything(folder: Path) -> Manifests:
    """The base with all components, in a namespace of its own."""
    more = {"namespace": "acme", "resources": ["../../base", NAMESPACE]}
    name = overlay(folder, *COMPONENTS, patches=[WITH_A_GPU, REDIS], **more)
    shutil.copy(folder / OVERLAYS / "production" / NAMESPACE, folder / OVERLAYS / name)
    return manifests_of(name)
