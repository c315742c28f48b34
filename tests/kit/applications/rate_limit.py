"""The service with limits that a test can reach."""

from collections.abc import Iterator
from typing import Any

from servekit.testing.cluster import Cluster

from tests.redis_server import RedisServer

NAME = "limited"

REDIS = RedisServer()
"""It runs once a test starts it, so the replica counts in its own memory at first."""


def applications(cluster: Cluster) -> Iterator[dict[str, Any]]:
    yield cluster.inline(
        NAME,
        RATE_LIMIT_MODELS="5/hour",
        RATE_LIMIT_URL=REDIS.url,
        # Nothing but the tests stands before it, so that each test can be an address of its own.
        API_TRUSTED_HOPS="1",
    )
