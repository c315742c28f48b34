"""A real MLflow server of the tests' own, and a line to it that can be cut and squeezed."""

import atexit
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from threading import Thread
from uuid import uuid4

from acme_service.ingress.features import sources
from acme_service.models.sources.source import ModelSource
from acme_service.models.store import open_source
from acme_service.models.training.publishing import write_version

from tests.processes import free_port

PROGRAM = Path(sys.executable).with_name("mlflow")
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Jobs evaluate language models: starting what runs them takes longer than the server.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


KEEPER = """
import os, signal, subprocess, sys, threading
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
threading.Thread(target=lambda: os._exit(server.wait()), daemon=True).start()
sys.stdin.read()
os.killpg(0, signal.SIGKILL)
"""
"""Ends the server when the tests end, however they do: then nobody holds the other end of stdin."""


@cache
def begun() -> tuple[subprocess.Popen[bytes], int, Path]:
    """The server's process, the port where it is going to listen, and its log."""
    folder = Path(mkdtemp(prefix="mlflow-"))
    port = free_port()
    command = [str(PROGRAM), "server", "--workers=1", "--host=127.0.0.1", f"--port={port}"]
    command += [f"--backend-store-uri=sqlite:///{folder}/mlflow.db"]
    command += [f"--artifacts-destination={folder}/artifacts"]
    ours = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", KEEPER, *command],
            env=ours | SETTINGS,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    atexit.register(_end, process, folder)
    return process, port, folder / "log"


@cache
def server_port() -> int:
    """Where the server listens, once it does: one for all tests together."""
    process, port, log = begun()
    deadline = time.monotonic() + 180
    while not _healthy(port):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    return port


def _healthy(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health"):
        return True
    return False


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    assert process.stdin
    process.stdin.close()
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def opened(url: str) -> ModelSource:
    """The source that the service would have."""
    return open_source(tuple(sources()), url, 5)


def new_name() -> str:
    """A model that nobody has heard of."""
    return f"model-{uuid4().hex[:8]}"


def publish(source: ModelSource, name: str, version: str, content: bytes = b"weights") -> None:
    """A version that is quickly made."""
    facts = {"languages": ["de", "en"], "training": {"source": "nothing"}, "metrics": {"loss": 0.5}}
    with TemporaryDirectory() as scratch:
        write_version(Path(scratch), name, version, {"model.npz": content}, facts)
        source.publish(name, version, Path(scratch))


class Line:
    """A port of its own that leads to another one.

    silent: no answer gets through. dripping: answers get through a byte at a time.
    left: when so many bytes of answers have got through, every connection breaks.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self.url = f"mlflow:http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.silent = False
        self.dripping = False
        self.left = sys.maxsize
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """From now on nobody listens."""
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(("127.0.0.1", self._port))
                self._ends += [here, there]
                Thread(target=self._carry, args=(here, there), daemon=True).start()
                Thread(target=self._answer, args=(there, here), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while content := source.recv(65536):
                target.sendall(content)

    def _answer(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while content := source.recv(4096):
                while self.silent:
                    time.sleep(0.01)
                    source.getpeername()  # which raises once the line is cut
                if self.dripping:
                    for byte in content:
                        target.sendall(bytes([byte]))
                        time.sleep(0.02)
                    continue
                target.sendall(content[: self.left])
                self.left -= len(content)
                if self.left <= 0:
                    self.cut()
            target.shutdown(socket.SHUT_WR)


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    line = Line(port)
    try:
        yield line
    finally:
        line.cut()
