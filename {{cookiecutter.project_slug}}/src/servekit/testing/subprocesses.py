"""Runs the project in processes of its own."""

import contextlib
import os
import random
import socket
import subprocess
import sys
from typing import Any, NoReturn

import pytest

from .project import tested

PROJECT = tested().folder

PORTS = ["HAPROXY_STATS", "HAPROXY_METRICS", "FALLBACK_PROXY_HTTP", "FALLBACK_PROXY_GRPC"]
"""What Serve listens on beside the service's own port, in the words of its settings."""


def environment(**settings: str) -> dict[str, str]:
    """This environment, with the project and its tests importable wherever they are run.

    Ports are drawn, not counted up from the usual ones: another service may start right now.
    """
    paths = [str(PROJECT / "src"), str(PROJECT), os.environ.get("PYTHONPATH", "")]
    ports = {f"RAY_SERVE_{name}_PORT": str(free_port()) for name in PORTS}
    return os.environ | ports | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | settings


OURS = range(20_000, 30_000)
"""Ports that no system hands to an outgoing connection and that Ray gives to none of its processes.

Whatever the system draws from its own range may be taken again before the test listens there.
"""


def free_port() -> int:
    while True:
        port = random.SystemRandom().choice(OURS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return port


def without(reason: str) -> NoReturn:
    """Skips the test that lacks something, or fails it where everything has to be tested."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def start(
    *command: str, settings: dict[str, str] | None = None, **options: Any
) -> subprocess.Popen[Any]:
    """This Python with the given arguments, in the project's folder."""
    return subprocess.Popen(
        [sys.executable, *command], cwd=PROJECT, env=environment(**(settings or {})), **options
    )


def printed_by(source: str) -> str:
    """What a piece of Python prints."""
    process = start("-c", source, text=True, stdout=subprocess.PIPE)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return printed.strip()
