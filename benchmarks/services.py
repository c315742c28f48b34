"""Starts a service, watches what it uses, and leaves nothing of it running."""

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from scripts.stopping import held_back, ignore, listen

from .loads import answers

START_TIMEOUT_S = 240
STOP_TIMEOUT_S = 90
SETTLE_S = 5
"""How long what a service leaves behind may take to end, before it is made to."""

PR_SET_CHILD_SUBREAPER = 36

KINDS = {
    "ray::ServeReplica:default:ingress": "ingress",
    "ray::ServeReplica:default:Service": "ingress",
    "ray::ServeReplica:default:language": "model",
    "ray::ServeReplica:default:Detector": "model",
    "ray::ProxyActor": "proxy",
    "ray::HAProxyManager": "around",
    "haproxy": "proxy",
    "ray::IDLE": "around",
    "serve run": "around",
    "my_service.ingress.launch": "around",
    "benchmarks.contenders.": "service",
    "bentoml": "service",
    "multiprocessing.spawn": "service",
    "ray": "around",
    "gcs_server": "around",
}
"""What a process does, by the first of these parts that its command line holds."""


class ServiceError(Exception):
    """A service could not be started, or does not give the right answer."""


@dataclass(frozen=True)
class Usage:
    """What processes of one kind have used since they started."""

    cpu_s: float = 0.0
    resident_bytes: int = 0
    largest_bytes: int = 0


@dataclass(frozen=True)
class Service:
    """A service that answers; all its processes are below this one."""

    start_s: float

    def usage(self) -> dict[str, Usage]:
        """By kind of process, as in KINDS."""
        used: dict[str, Usage] = {}
        for one in descendants():
            with suppress(psutil.Error), one.oneshot():
                kind, times, resident = kind_of(one), one.cpu_times(), one.memory_info().rss
                before = used.get(kind, Usage())
                used[kind] = Usage(
                    before.cpu_s + times.user + times.system,
                    before.resident_bytes + resident,
                    max(before.largest_bytes, resident),
                )
        return used

    def process_id(self, kind: str) -> int | None:
        return next((one.pid for one in descendants() if kind_of(one) == kind), None)


def kind_of(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    return next((kind for part, kind in KINDS.items() if part in line), "other")


def descendants() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def adopt_orphans() -> None:
    """Adopt orphaned descendants, where the system supports it (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


@contextmanager
def serving(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    ready: Callable[[], bool] = answers,
) -> Iterator[Service]:
    """A service that answers and is gone afterwards.

    Raises ServiceError when it does not start, or when its first answer is wrong.
    """
    process = None
    try:
        began = time.monotonic()
        with held_back(), log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(ready, process, log)
        yield Service(time.monotonic() - began)
    finally:
        ignore()
        if process:
            end(process)
        listen()


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServiceError(f"There was no right answer from what {log} tells of.")
        time.sleep(0.1)


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_TIMEOUT_S)
    end_descendants()


def end_descendants() -> None:
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        left = descendants()
        for one in left:
            with suppress(psutil.NoSuchProcess):
                ask(one)
        psutil.wait_procs(left, SETTLE_S)
