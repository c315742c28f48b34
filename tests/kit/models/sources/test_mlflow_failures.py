"""An MLflow registry that cannot be reached, or not in time."""

import resource
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from servekit.registry.errors import (
    ModelCacheError,
    ModelStoreError,
    StoreUnreachableError,
)
from servekit.registry.store import ModelStore, parse_reference
from servekit.testing.subprocesses import free_port

from acme_service.features import sources

from .mlflow_line import Line, line_to
from .mlflow_server import new_name, opened, publish, server_port

pytestmark = pytest.mark.slow

BIG = bytes(1_000_000)


@pytest.fixture(scope="module")
def name() -> str:
    """A model with a champion of a megabyte."""
    source, name = opened(f"mlflow:http://127.0.0.1:{server_port()}"), new_name()
    publish(source, name, "1", BIG)
    source.move_alias(name, "champion", "1", None)
    return name


@pytest.fixture
def line() -> Iterator[Line]:
    with line_to(server_port()) as line:
        yield line


def store_at(url: str, folder: Path, timeout_s: float = 0.6) -> ModelStore:
    return ModelStore(tuple(sources()), url, folder / "cache", timeout_s)


def refusal(store: ModelStore, reference: str) -> str:
    """What the store says, soon: by itself the client would try for minutes."""
    began = time.monotonic()
    with pytest.raises(StoreUnreachableError) as caught:
        store.open(reference)
    assert time.monotonic() - began < 5
    return str(caught.value)


def test_a_registry_that_is_down_is_named(name: str, tmp_path: Path):
    url = f"mlflow:http://127.0.0.1:{free_port()}"
    said = refusal(store_at(url, tmp_path), f"{name}@champion")
    assert said == f"The model store {url} cannot be reached: Connection refused."


def test_a_host_that_does_not_exist_is_named(name: str, tmp_path: Path):
    store = store_at("mlflow:http://registry.invalid:5000", tmp_path, 5)
    with pytest.raises(StoreUnreachableError, match=r"http://registry\.invalid:5000 cannot be"):
        store.aliases(name)


def test_a_registry_that_says_nothing_is_given_up(line: Line, name: str, tmp_path: Path):
    line.silent = True
    assert f"{line.url} did not answer within 0.6 s" in refusal(
        store_at(line.url, tmp_path), f"{name}@champion"
    )


def test_a_registry_that_drips_is_given_up(line: Line, name: str, tmp_path: Path):
    line.dripping = True
    assert f"{line.url} did not answer within 0.6 s" in refusal(
        store_at(line.url, tmp_path), f"{name}@champion"
    )


def test_a_download_that_drips_is_given_up(line: Line, name: str, tmp_path: Path):
    line.left = 20_000
    store = store_at(line.url, tmp_path, 1.5)
    assert store.aliases(name) == {"champion": "1"}
    line.dripping = True
    assert "did not answer within 1.5 s" in refusal(store, f"{name}:1")


def test_a_registry_that_goes_down_in_the_middle_of_a_download(
    line: Line, name: str, tmp_path: Path
):
    store = store_at(line.url, tmp_path, 5)
    assert store.aliases(name) == {"champion": "1"}
    line.left = 100_000
    said = refusal(store, f"{name}:1")
    assert said == f"The model store {line.url} broke off in the middle of model.npz."
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_was_verified_last_outlives_the_registry(line: Line, name: str, tmp_path: Path):
    store = store_at(line.url, tmp_path, 5)
    files = store.open(f"{name}@champion")
    store.record_last_good(name, "champion", files.version)
    line.cut()
    assert "Connection refused" in refusal(store, f"{name}@champion")
    assert files.path("model.npz").read_bytes() == BIG
    # The next process, which finds the registry down.
    store = store_at(line.url, tmp_path)
    assert store.open_last_good(parse_reference(f"{name}@champion")) == files


def test_a_full_disk_is_not_the_registry_s_fault(line: Line, name: str, tmp_path: Path):
    store = store_at(line.url, tmp_path, 5)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(ModelCacheError, match=f"{name}:1 cannot be kept in .*: File too large"):
            store.open(f"{name}:1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert store.open(f"{name}:1").path("model.npz").read_bytes() == BIG


def test_a_registry_that_comes_back_is_asked_again(line: Line, name: str, tmp_path: Path):
    store = store_at(line.url, tmp_path, 1.5)
    line.silent = True
    refusal(store, f"{name}@champion")
    line.silent = False
    assert store.aliases(name) == {"champion": "1"}


class Answering(BaseHTTPRequestHandler):
    """Answers everything alike, in a way that is no registry's."""

    status, said = 200, b"{}"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.said)))
        self.end_headers()
        self.wfile.write(self.said)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return None


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (200, b"<html>Welcome\n</html>", "is not an MLflow registry."),
        (200, b'{"registered_model": [1]}', "is not an MLflow registry."),
        (404, b"<html>Not found</html>", "is not an MLflow registry."),
        (401, b"You are not authenticated.", "refuses this service: see MLFLOW_TRACKING_USERNAME"),
        (403, b"Invalid Host header", "and --allowed-hosts there."),
        (503, b"Starting", "cannot be reached: it is not able to answer now."),
    ],
)
def test_whatever_answers_is_told_in_a_sentence(status: int, said: bytes, words: str):
    kind = type("Odd", (Answering,), {"status": status, "said": said})
    with HTTPServer(("127.0.0.1", 0), kind) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        source = opened(f"mlflow:http://127.0.0.1:{server.server_port}")
        with pytest.raises(ModelStoreError) as caught:
            source.aliases("language")
        server.shutdown()
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300
    assert str(caught.value).count("\n") == 0
