"""The id of the request that is being answered, for whatever writes a line of the log."""

from collections.abc import Sequence
from contextvars import Context, ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")

waiting_contexts: ContextVar[Sequence[Context]] = ContextVar("waiting_contexts", default=())
"""In a batched call, the contexts of the requests that it answers, one for each item."""


def current_request_id() -> str:
    """Return the id of the request being answered, or "" outside one."""
    return request_id.get()


def current_request_ids() -> Sequence[str]:
    """Return the id of the request being answered; in a batched call, one for each item.

    They are looked up when a line is written: no call is the slower for it.
    """
    if own := request_id.get():
        return (own,)
    return [one.get(request_id, "") for one in waiting_contexts.get()]
