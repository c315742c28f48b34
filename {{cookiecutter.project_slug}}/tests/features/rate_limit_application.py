"""The service once more in the tests' cluster, with limits that a test can reach."""

NAME = "limited"

SETTINGS = {
    "RATE_LIMIT_MODELS": "5/hour",
    # Nothing but the tests stands before it, so that each test can be an address of its own.
    "RATE_LIMIT_TRUSTED_HOPS": "1",
}
