"""Brings back a HAProxy of this machine that has died."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from servekit.commands.launcher.haproxy import HAProxy

PAUSE_S = 2.0
"""Between two starts."""


class ProxyKeeper:
    """Starts HAProxy anew where it has died.

    Ray Serve misses it after seconds, and starts one that at first answers 404 to every request;
    here it starts with the routes that it had.

    Args:
        path: Of the administrative socket, as Ray Serve is told.
    """

    def __init__(self, path: Path) -> None:
        self._haproxy = HAProxy(path)
        self._started_at = float("-inf")

    def look(self) -> None:
        """Look once; some times a second is often enough."""
        now = time.monotonic()
        if now - self._started_at > PAUSE_S and self._haproxy.has_died():
            self._started_at = now
            with suppress(Exception):  # Serve itself replaces it later
                start_again()


def start_again() -> None:
    """Let the actor that ran HAProxy start it."""
    import ray
    from ray.serve._private.constants import SERVE_NAMESPACE, SERVE_PROXY_NAME

    name = f"{SERVE_PROXY_NAME}-{ray.get_runtime_context().get_node_id()}"
    manager: Any = ray.get_actor(name, namespace=SERVE_NAMESPACE)
    manager.__ray_call__.remote(schedule_start)


def schedule_start(manager: Any) -> None:
    """Start HAProxy in the process of its actor, which has no public way to be asked for it."""
    manager.start_again = manager.event_loop.create_task(_start(manager))


async def _start(manager: Any) -> None:
    haproxy = manager._haproxy
    async with manager._reload_lock:
        # An actor that is new has none yet, and is about to start it.
        if haproxy._proc is not None and not haproxy._is_running():
            await haproxy.start()
