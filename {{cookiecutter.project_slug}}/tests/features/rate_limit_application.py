"""The service once more in the tests' cluster, with limits that a test can reach."""

from tests.redis_server import RedisServer

NAME = "limited"

REDIS = RedisServer()
"""Nothing is there until a test starts it, so the replica counts for itself at first."""

SETTINGS = {
    "RATE_LIMIT_MODELS": "5/hour",
    "RATE_LIMIT_URL": REDIS.url,
    # Nothing but the tests stands before it, so that each test can be an address of its own.
    "RATE_LIMIT_TRUSTED_HOPS": "1",
}
