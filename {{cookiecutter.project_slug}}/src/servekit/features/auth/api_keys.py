"""Verifies API keys."""

from collections.abc import Iterable
from hashlib import sha256

from servekit.api.principal import Principal

from .accounts import Account

HEADER = "X-API-Key"
MAX_CHARS = 256


def digest(key: str) -> str:
    """Return the hash of a key. Keys are long and random, so no slower one is needed."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class ApiKeys:
    def __init__(self, holders: Iterable[Account]) -> None:
        # A user of the same name is another principal, hence the prefix, which no name can have.
        self._callers = {one.proof: Principal(f"key:{one.name}", one.scopes) for one in holders}

    def caller(self, key: str) -> Principal | None:
        """The principal of a key, or None for an unknown key."""
        return self._callers.get(digest(key)) if len(key) <= MAX_CHARS else None
