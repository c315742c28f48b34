"""Per-message quota checks for long-lived connections."""

from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection

Quota = Callable[[], Awaitable[None]]
"""Spends one message. Raises ProblemError when none is left."""

STATE = "quota"
"""The key in `scope["state"]` under which a feature that counts messages puts it."""


async def granted() -> None:
    return None


def quota_of(connection: HTTPConnection) -> Quota:
    """Return the check to await before each message of a connection."""
    return connection.scope["state"].get(STATE, granted)
