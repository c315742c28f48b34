"""The service with corrections in a PostgreSQL, over two replicas."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from servekit.testing.cluster import Cluster

from tests.postgresql_server import PostgresqlServer

NAME = "corrected"

POSTGRESQL = PostgresqlServer()
"""It runs once a test starts it; a start of the service does not wait for it."""

TIMEOUT_S = 1.0


def applications(cluster: Cluster) -> Iterator[dict[str, Any]]:
    # One caller asks all the time.
    limits = {"RATE_LIMIT_MODELS": "none"} if find_spec("servekit.features.rate_limit") else {}
    yield cluster.inline(
        NAME,
        2,
        FEEDBACK_URL=POSTGRESQL.url,
        FEEDBACK_TIMEOUT_S=str(TIMEOUT_S),
        **limits,
    )
