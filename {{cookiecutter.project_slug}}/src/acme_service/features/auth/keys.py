"""Keys of programs."""

from collections.abc import Iterable
from hashlib import sha256

from acme_service.api.caller import Caller

from .known import Known

HEADER = "X-API-Key"
MAX_CHARS = 256


def digest(key: str) -> str:
    """What the service keeps of a key. Keys are long and random, so nothing slower is needed."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class ApiKeys:
    def __init__(self, holders: Iterable[Known]) -> None:
        # A user of the same name is somebody else, hence the prefix, which no name can have.
        self._callers = {one.proof: Caller(f"key:{one.name}", one.scopes) for one in holders}

    def caller(self, key: str) -> Caller | None:
        """Whose key it is, if it is anybody's."""
        return self._callers.get(digest(key)) if len(key) <= MAX_CHARS else None
