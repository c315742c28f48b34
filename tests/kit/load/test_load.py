"""`make load` against a service that really runs, against a wrong one, and against none."""

import signal
import subprocess
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import httpx2
import pytest

from servekit.testing.subprocesses import free_port, start, without


@pytest.fixture
def _locust() -> None:
    """Skips without Locust, which only `make load` needs; in CI it has to be there."""
    if find_spec("locust") is None:
        without("Locust is not installed: `uv sync --inexact --group load` does that.")


@pytest.fixture
def service() -> Iterator[str]:
    """The URL of a service as `make dev` starts it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ("-m", "acme_service", "dev", "--port", str(port))
    process = start(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_until_ready(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(f"{url}/health/ready", timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError("the service did not start")


class AlwaysEsperanto(BaseHTTPRequestHandler):
    """Answers every text in the right shape, and wrongly."""

    def do_POST(self) -> None:
        body = b'{"language": "eo"}'
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return None


@pytest.fixture
def wrong_service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), AlwaysEsperanto) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def load(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    process = start(
        *("-m", "load", "--url", url, "--connections", "4", "--seconds", "1", *arguments),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    said, complained = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, said, complained)


@pytest.mark.slow
@pytest.mark.usefixtures("_locust")
def test_right_answers_are_reported_and_plotted(service: str, tmp_path: Path) -> None:
    plot = tmp_path / "made" / "load.svg"
    done = load(service, "--plot", str(plot))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert ", 0 failed" in done.stdout
    assert "p99" in done.stdout
    assert str(plot) in done.stdout
    assert plot.read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.slow
@pytest.mark.usefixtures("_locust")
def test_wrong_answers_are_failures(wrong_service: str, tmp_path: Path) -> None:
    done = load(wrong_service, "--plot", str(tmp_path / "load.svg"))
    assert done.returncode == 1
    assert "the language is eo, not " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_header_that_is_none_is_one_sentence_that_does_not_repeat_it(
    wrong_service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOAD_HEADER", "s3cret")
    done = load(wrong_service)
    assert done.returncode == 1
    assert done.stderr == "LOAD_HEADER has to look like `Name: value`, in one line.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--connections", "0"], "CONNECTIONS has to be a whole number from 1 to 99999"),
        (["--seconds", "x"], "SECONDS has to be a whole number from 1 to 99999"),
        (["--url", "127.0.0.1:8000"], "URL has to look like http://127.0.0.1:8000"),
        (["--url", ""], "URL has to look like http://127.0.0.1:8000"),
        ([], "Nothing answers at http://127.0.0.1:"),
    ],
    ids=["connections", "seconds", "url", "no url", "nothing listens"],
)
def test_what_cannot_be_measured_is_one_sentence(arguments: list[str], sentence: str) -> None:
    done = load(f"http://127.0.0.1:{free_port()}", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
