"""The fixtures of every project, a plugin of pytest.

`client` runs a test several times: in process, and through Ray Serve in both placements. The
runs over Serve are marked `serve` and share one cluster, started at the first of them.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Client

import servekit
from servekit import audit
from servekit.logs import KIT_LOGGER
from servekit.serving.model import Model

from .asked import Asked, asked_at, asked_by_itself
from .authenticated_client import HEADERS, SETTINGS, visiting
from .cluster import INLINE, REPLICATED, Cluster, UrlOf, running_cluster, urls
from .project import tested
from .store import STORE

PLACEMENTS = [
    pytest.param("process", id="in-process"),
    pytest.param("separate", id="separate", marks=pytest.mark.serve),
    pytest.param("inline", id="inline", marks=[pytest.mark.serve, INLINE]),
]

EVERY = "every_application"
ON_THE_CLUSTER = {"asked", "client", "cluster", "service", "url_of", EVERY}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what starts a Ray of its own before the cluster is there: two take twice as long."""
    items.sort(key=lambda item: bool(ON_THE_CLUSTER & {*getattr(item, "fixturenames", ())}))


@pytest.fixture(scope="session", autouse=True)
def _only_these_settings() -> None:
    """Settings of the shell that runs the tests must not decide what they find."""
    package, kit = _folder_of(tested().package), Path(servekit.__file__).parent
    folders = (package / "api", kit / "features", kit / "registry/sources")
    rooms = [room for folder in folders if folder.exists() for room in folder.iterdir()]
    prefixes = (
        "API_",
        "CANARY_",
        "BATCHER_",
        "LOAD_",
        "MODEL_",
        "SERVE_",
        *(f"{room.name.upper()}_" for room in rooms),
    )
    for name in [name for name in os.environ if name.startswith(prefixes)]:
        del os.environ[name]
    # Nor may those of a developer's .env, which the launchers read.
    os.environ["ENV_FILE"] = "no-such-file"
    os.environ |= SETTINGS | {"MODEL_STORE": STORE.as_uri()}


def _folder_of(package: str) -> Path:
    [folder] = import_module(package).__path__
    return Path(folder)


@pytest.fixture(autouse=True)
def _the_log_as_it_was() -> Iterator[None]:
    """Undo what the start of a service does to its log: each test finds the same."""
    yield
    for name in (KIT_LOGGER, tested().package):
        log = logging.getLogger(name)
        log.handlers = []
        log.setLevel(logging.NOTSET)
        log.propagate = True
    audit.log.handlers = []
    audit.log.propagate = True


@pytest.fixture(scope="session")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """The service on a local Ray Serve, and beside it what the selected tests are marked with."""
    names = {
        name
        for item in request.session.items
        if item.get_closest_marker("serve")
        for name in applications_of(item)
    }
    scratch = tmp_path_factory.mktemp("cluster")
    with running_cluster(scratch, lambda name: bool({name, EVERY} & names)) as cluster:
        yield cluster


def applications_of(item: Any) -> Iterator[str]:
    """The applications that a test is marked with, or all of them."""
    for marker in item.iter_markers("application"):
        yield from marker.args
    if EVERY in item.fixturenames:
        yield EVERY


@pytest.fixture(scope="session")
def every_application(cluster: Cluster) -> list[str]:
    """The base URLs of all applications of the cluster, the service and those beside it."""
    return urls(cluster)


@pytest.fixture(scope="session")
def service(cluster: Cluster) -> str:
    """The base URL of the service on Ray Serve."""
    return cluster.url


@pytest.fixture
def url_of(request: pytest.FixtureRequest, cluster: Cluster) -> UrlOf:
    """The base URL of an application, which the test has to be marked with."""
    marked = {*applications_of(request.node)}

    def url_of(name: str) -> str:
        url = f"{cluster.url}/{name}"
        assert {name, EVERY} & marked, f"The test needs the mark `application({name!r})`."
        assert url in urls(cluster), f"There is no application {name!r}."
        return url

    return url_of


@pytest.fixture(scope="session")
def process() -> Iterator[TestClient]:
    """The service in this process, with real models and every feature."""
    with visiting(tested().wiring.development(), "https://testserver") as client:
        wait_until_nothing_is_noted(client)
        yield client


def wait_until_nothing_is_noted(client: Client) -> None:
    """Some models are loaded by a thread, and answers go without them meanwhile."""
    while True:
        ready = client.get("/health/ready")
        if ready.is_success and not ready.json().get("notes"):
            return
        time.sleep(0.1)


@pytest.fixture(params=PLACEMENTS)
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client of the service, without cookies."""
    if request.param == "process":
        process: TestClient = request.getfixturevalue("process")
        process.cookies.clear()
        yield process
        return
    url: str = request.getfixturevalue("service")
    prefix = "/inline" if request.param == "inline" else ""
    with Client(base_url=url + prefix, headers=HEADERS, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def by_itself() -> Iterator[Callable[[Model], Asked]]:
    """Gives a model by an application that has nothing but its routes."""
    with asked_by_itself() as ask:
        yield ask


@pytest.fixture(
    params=[
        pytest.param("process", id="in-process"),
        pytest.param("replicated", id="replicated", marks=[pytest.mark.serve, REPLICATED]),
    ]
)
def asked(request: pytest.FixtureRequest, model: Model) -> Iterator[Asked]:
    """The model of the test, by its routes in the service."""
    if request.param == "process":
        process: TestClient = request.getfixturevalue("process")
        ask: Callable[[Model], Asked] = request.getfixturevalue("by_itself")
        yield asked_at(process, model) or ask(model)
        return
    url: UrlOf = request.getfixturevalue("url_of")
    with Client(base_url=url("replicated"), headers=HEADERS, timeout=30) as client:
        found = asked_at(client, model)
        if found is None:
            pytest.skip("The service has no routes of this model.")
        yield found


@pytest.fixture
def project() -> Path:
    """The project's own folder."""
    return tested().folder
