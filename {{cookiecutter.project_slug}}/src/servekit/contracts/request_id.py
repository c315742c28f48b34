"""The id of the request that is being answered, for whatever writes a line of the log."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """Return the id of the request being answered, or "" outside one."""
    return request_id.get()
