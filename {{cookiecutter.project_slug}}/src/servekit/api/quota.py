"""Per-message quota checks for long-lived connections."""

from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection

Quota = Callable[[], Awaitable[None]]
"""Spends one message of the quota."""

STATE = "quota"
"""Where in `scope["state"]` a feature that counts messages puts it."""


async def granted() -> None:
    return None


def quota_of(connection: HTTPConnection) -> Quota:
    """The check to await before each message. It raises ProblemError for one too many."""
    return connection.scope["state"].get(STATE, granted)
