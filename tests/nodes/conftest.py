import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from .load import Load
from .manifests import Manifests, manifests
from .ray_cluster import RayCluster
from .table import Step, table


@pytest.fixture(scope="session")
def project() -> Path:
    """The service that runs on the nodes."""
    return Path(os.environ["NODES_PROJECT"])


@pytest.fixture(scope="session")
def values(project: Path) -> Manifests:
    return manifests(project)


@pytest.fixture(scope="session")
def cluster(
    project: Path, values: Manifests, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RayCluster]:
    with RayCluster(project, tmp_path_factory.mktemp("nodes"), values) as cluster:
        cluster.wait_until_settled()
        yield cluster


@pytest.fixture(scope="session")
def load(cluster: RayCluster) -> Iterator[Load]:
    with Load(cluster.kubelets) as load:
        yield load


@pytest.fixture(scope="session")
def steps() -> Iterator[list[Step]]:
    """What was measured; it is written to the file of `NODES_TABLE`."""
    steps: list[Step] = []
    yield steps
    Path(os.environ["NODES_TABLE"]).write_text(table(steps), encoding="utf-8")


Recorded = Callable[..., AbstractContextManager[list[Step]]]


@pytest.fixture
def recorded(load: Load, steps: list[Step]) -> Recorded:
    """Records what becomes of the requests that are begun within the block.

    It ends when they have been answered; the step is in the list then.
    """

    @contextmanager
    def record(name: str, other: str = "") -> Iterator[list[Step]]:
        first, begun = len(load.requests), time.monotonic()
        done: list[Step] = []
        yield done
        until = load.wait_for_answers()
        within = [one for one in load.requests[first:] if begun <= one.begun <= until]
        step = Step(name, until - begun, within, other)
        # Pytest shows these where a test fails.
        print(f"{name}: {until - begun:.1f} s")
        for one in step.requests:
            if one.broken:
                print(one._replace(begun=one.begun - begun, ended=one.ended - begun))
        done.append(step)
        steps.append(step)

    return record
