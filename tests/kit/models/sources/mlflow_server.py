"""A real MLflow server of the tests' own."""

import atexit
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from uuid import uuid4

from servekit.registry.sources.source import ModelSource
from servekit.registry.store import open_source
from servekit.registry.version_files import write_version
from servekit.testing.subprocesses import free_port

from acme_service.features import sources

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
    own = ("MLFLOW_", "PYTHONPATH")
    ours = {key: value for key, value in os.environ.items() if not key.startswith(own)}
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
