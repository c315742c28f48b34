"""What every test may ask for.

`client` runs a test several times: in process, and through Ray Serve in both placements. The
runs over Serve are marked `serve` and share one cluster, started at the first of them.
"""

import logging
import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Client

from acme_service.api.logs import SERVICE_LOGGER
from acme_service.ingress import develop

from .cluster import Cluster, running_cluster, urls
from .visitor import HEADERS, SETTINGS, visiting

PLACEMENTS = [
    pytest.param("process", id="in-process"),
    pytest.param("separate", id="separate", marks=pytest.mark.serve),
    pytest.param("inline", id="inline", marks=pytest.mark.serve),
]

EVERY = "every_application"


@pytest.fixture(scope="session", autouse=True)
def _only_these_settings() -> None:
    """Settings of the shell that runs the tests must not decide what they find."""
    package = Path(develop.__file__).parents[1]
    rooms = [*(package / "features").iterdir(), *(package / "models" / "sources").iterdir()]
    prefixes = (
        "API_",
        "CANARY_",
        "GATHER_",
        "LOAD_",
        "MODEL_",
        *(f"{room.name.upper()}_" for room in rooms),
    )
    for name in [name for name in os.environ if name.startswith(prefixes)]:
        del os.environ[name]
    # Nor may those of a developer's .env, which the launchers read.
    os.environ["ENV_FILE"] = "no-such-file"
    os.environ |= SETTINGS


@pytest.fixture(autouse=True)
def _the_log_as_it_was() -> Iterator[None]:
    """Whoever starts a service sets up its log, which is undone: each test finds the same."""
    yield
    log = logging.getLogger(SERVICE_LOGGER)
    log.handlers.clear()
    log.setLevel(logging.NOTSET)
    log.propagate = True


@pytest.fixture(scope="session")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """The service on a local Ray Serve, and beside it what the selected tests ask for."""
    tests = [item for item in request.session.items if item.get_closest_marker("serve")]
    names = {name for item in tests for name in asked_for(item)}
    scratch = tmp_path_factory.mktemp("cluster")
    with running_cluster(scratch, lambda name: bool({name, EVERY} & names)) as cluster:
        yield cluster


def asked_for(item: pytest.Item) -> Iterator[str]:
    """The applications of the cluster that a test needs.

    Those that its file speaks of, as in `/stuck` or `"stuck"`; those of a feature whose
    `<feature>_application.py` it imports; the placement that it is run in; all, if it says so.
    """
    if EVERY in getattr(item, "fixturenames", ()):
        yield EVERY
    yield from spoken_of(item.path.read_text(encoding="utf-8"))
    yield from re.findall(r"\w+", item.name)


def spoken_of(source: str) -> Iterator[str]:
    """The applications that a test's file names, and words that are none."""
    yield from re.findall(r'[/"](\w+)', source)
    # Not any word with this ending: there are fixtures that have it.
    for feature in re.findall(r"^from \S*?(\w+_application) import", source, re.MULTILINE):
        yield import_module(f"{__package__}.features.{feature}").NAME


@pytest.fixture(scope="session")
def every_application(cluster: Cluster) -> list[str]:
    """The base URLs of all applications of the cluster, the service and those beside it."""
    return urls(cluster)


@pytest.fixture(scope="session")
def service(cluster: Cluster) -> str:
    """The base URL of the service on Ray Serve."""
    return cluster.url


@pytest.fixture(scope="session")
def process() -> Iterator[TestClient]:
    """The service in this process, with the real models and every feature."""
    with visiting(develop.app(), "https://testserver") as client:
        yield client


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


@pytest.fixture
def project() -> Path:
    """The project's own folder."""
    return Path(__file__).parents[1]
