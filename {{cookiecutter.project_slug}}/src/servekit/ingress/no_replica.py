"""Answers 503 where Ray Serve's proxy would let requests wait for a replica."""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servekit.api.errors import RETRY_AFTER_S, problem, problem_response
from servekit.serving.replica_watch import ReplicaWatch

GRACE_S = 0.1
"""HAProxy has waited for a second by now."""


class _Request:
    """A request that may be given up for as long as its response has not begun."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task
        self._replica_result: object = None
        self.given_up = False

    def begins(self) -> None:
        self._replica_result = self

    @property
    def begun(self) -> bool:
        return self._replica_result is not None

    def cancel(self) -> None:
        if not self.given_up:
            self.given_up = True
            self._task.cancel()


class NoReplica:
    """Gives up requests for an application that has no replica, within a second.

    HAProxy hands them to Ray Serve's proxy when the last replica has died. In a replica, where no
    such proxy is behind this, all requests pass.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._router = _proxy_router(app)
        self._watches: dict[str, ReplicaWatch] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        matched = None
        if self._router and scope["type"] == "http":
            matched = self._router.match_route(scope["path"])
        if not (matched and task):
            await self.app(scope, receive, send)
            return
        prefix, handle, _ = matched
        watch = self._watches.setdefault(prefix, ReplicaWatch(GRACE_S))
        request = _Request(task)

        async def noted(message: Message) -> None:
            request.begins()
            await send(message)

        try:
            with watch.over(handle, request):
                await self.app(scope, receive, noted)
        except asyncio.CancelledError:
            if not request.given_up:
                raise
            task.uncancel()
        if request.given_up and not request.begun:
            content = problem(503, "The service has no replica at the moment.")
            response = problem_response(content, {"Retry-After": str(RETRY_AFTER_S)})
            await response(scope, receive, send)


def _proxy_router(app: Any) -> Any:
    """Return what knows the applications of Ray Serve's proxy; None elsewhere.

    It has no public way; where another release keeps it elsewhere, requests wait as before.
    """
    while app is not None:
        router = getattr(app, "proxy_router", None)
        if router is not None:
            return router if hasattr(router, "match_route") else None
        app = getattr(app, "app", None) or getattr(app, "_app", None)
    return None
