"""The service once more in the tests' cluster, with a cache that looks for a Redis."""

from tests.redis_server import RedisServer

NAME = "shared"

REDIS = RedisServer()
"""Nothing is there until a test starts it, so the replica remembers for itself at first."""

SETTINGS = {"CACHE_URL": REDIS.url, "CACHE_MAX_ENTRIES": "1"}
