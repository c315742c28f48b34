"""Settings for shared stores: the URL of a Redis, or memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, SecretStr

if TYPE_CHECKING:
    from .redis import SharedRedis

# The client library is imported where an address names a Redis, and takes no time elsewhere.

MEMORY = "memory://"


class UnknownParameterError(ValueError):
    """An address has a parameter that means nothing to the client."""

    def __init__(self, name: str) -> None:
        super().__init__(f"its address has an unknown parameter {name!r}")


def _usable(url: SecretStr) -> SecretStr:
    try:
        store_at(url, timeout_s=1)
    except UnknownParameterError:
        raise
    except ValueError:
        # Not the reason: it may quote the password in the address.
        raise ValueError(
            f"the address of a Redis, such as redis://host:6379/0, or {MEMORY}"
        ) from None
    return url


StoreUrl = Annotated[SecretStr, AfterValidator(_usable)]
"""`memory://`, or the address of a Redis, which may hold a password."""


def store_at(url: SecretStr, timeout_s: float) -> "SharedRedis | None":
    """The Redis of this address, not connected yet; None for memory.

    Raises ValueError when it is neither.
    """
    if url.get_secret_value() == MEMORY:
        return None
    from .redis import SharedRedis

    return SharedRedis(url.get_secret_value(), timeout_s)


@asynccontextmanager
async def connected(store: "SharedRedis | None") -> AsyncIterator[None]:
    """Connect a store inside the block, if it answers."""
    if store:
        await store.open()
    try:
        yield
    finally:
        if store:
            await store.close()
