"""Quota to ask once more, for connections over which many questions come."""

from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection

Quota = Callable[[], Awaitable[None]]

STATE = "leave"
"""Where in `scope["state"]` it is put by whoever counts questions."""


async def granted() -> None:
    return None


def leave_of(connection: HTTPConnection) -> Quota:
    """To be awaited before each question. It raises ProblemError when that is one too many."""
    return connection.scope["state"].get(STATE, granted)
