"""The service with a cache in a Redis, and with room for one entry in its own memory."""

from collections.abc import Iterator
from typing import Any

from servekit.testing.cluster import Cluster

from tests.redis_server import RedisServer

NAME = "shared"

REDIS = RedisServer()
"""It runs once a test starts it, so the replica uses its own memory at first."""


def applications(cluster: Cluster) -> Iterator[dict[str, Any]]:
    yield cluster.inline(NAME, CACHE_URL=REDIS.url, CACHE_MAX_ENTRIES="1")
