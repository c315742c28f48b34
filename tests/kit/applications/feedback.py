"""The service with two replicas that share a database in a file."""

from collections.abc import Iterator
from typing import Any

from servekit.testing.cluster import Cluster

from tests.features.feedback_visitor import FOLDER

NAME = "corrected"

FILE = f"{FOLDER.name}/shared.db"


def applications(cluster: Cluster) -> Iterator[dict[str, Any]]:
    yield cluster.inline(NAME, 2, FEEDBACK_URL=f"sqlite:///{FILE}", FEEDBACK_TIMEOUT_S="30")
