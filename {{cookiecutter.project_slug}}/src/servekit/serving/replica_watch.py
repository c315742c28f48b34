"""Notices that Ray Serve has no replica for the calls that wait for one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any, Protocol

CHECK_S = 0.1
GRACE_S = 0.7
"""How long calls wait where Ray Serve knows of no replica: one may be replaced just now."""


class Cancellable(Protocol):
    """A call of Ray Serve's under way."""

    def cancel(self) -> None: ...


def replicas_known(handle: Any) -> int | None:
    """Return how many replicas a call may be sent to; None while that is not known.

    Ray Serve has no public way to ask. Where another release keeps them elsewhere, this says None,
    and calls wait as long as a request may take; as they do for a deployment that scales to zero,
    where calls that wait are what brings a replica back.
    """
    router = getattr(getattr(handle, "_router", None), "_asyncio_router", None)
    replicas = getattr(getattr(router, "_request_router", None), "curr_replicas", None)
    scaling = getattr(getattr(router, "_metrics_manager", None), "autoscaling_config", None)
    if replicas is None or not handle.running_replicas_populated():
        return None
    return None if getattr(scaling, "min_replicas", 1) == 0 else len(replicas)


def is_assigned(call: Any) -> bool:
    """Whether a replica has the call; one that is stopping ends what it has."""
    return getattr(call, "_replica_result", None) is not None


class ReplicaWatch:
    """Cancels calls that wait while there is no replica to answer them.

    Ray Serve would let them wait for ever. One timer watches all calls of a handle.

    Args:
        grace_s: How long they wait all the same.
    """

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self._grace_s = grace_s
        self._calls: dict[int, tuple[Any, Cancellable]] = {}
        self._watching_in: asyncio.AbstractEventLoop | None = None
        self._alone_since: float | None = None

    @contextmanager
    def over(self, handle: Any, call: Cancellable) -> Iterator[None]:
        """Watch a call until the block ends."""
        self._calls[id(call)] = (handle, call)
        loop = asyncio.get_running_loop()
        if self._watching_in is not loop:
            self._watching_in = loop
            self._alone_since = None
            self._check_later(loop)
        try:
            yield
        finally:
            del self._calls[id(call)]

    def _check_later(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(CHECK_S, self._check, loop, context=Context())

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._calls:
            self._watching_in = None
            return
        self._check_later(loop)
        handle, _ = next(iter(self._calls.values()))
        if replicas_known(handle) != 0:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = loop.time()
        elif loop.time() - self._alone_since >= self._grace_s:
            for _, call in [*self._calls.values()]:
                if not is_assigned(call):
                    call.cancel()
