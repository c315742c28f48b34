"""A server of the S3 protocol of the tests' own, and sources that ask it."""

import logging
import os
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import uuid4

import obstore
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from servekit.registry.sources.source import ModelSource
from servekit.registry.store import open_source
from servekit.testing.subprocesses import free_port

from acme_service.features import sources

SECRET = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"
BUCKET = "models"


def opened(url: str, timeout_s: float = 5.0) -> ModelSource:
    """A source as the service opens it."""
    return open_source(tuple(sources()), url, timeout_s)


@contextmanager
def variables(url: str, **more: str) -> Iterator[None]:
    """The environment of somebody who may use the server at this address."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("AWS_"):
            del os.environ[name]
    os.environ |= {
        "AWS_ENDPOINT_URL": url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        **more,
    }
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


class Server:
    """Keeps what it is told in memory, until the process ends."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()


@contextmanager
def running() -> Iterator[Server]:
    """A server with an empty bucket, and an environment in which one may use it."""
    server = Server()
    server.start()
    urllib.request.urlopen(urllib.request.Request(f"{server.url}/{BUCKET}", method="PUT")).close()
    with variables(server.url):
        yield server
    server.stop()


class Prefix:
    """A place for one test in the server's only bucket."""

    def __init__(self, server: Server) -> None:
        self.path = uuid4().hex
        self.url = f"s3://{BUCKET}/{self.path}"
        self.store = S3Store(
            BUCKET,
            prefix=self.path,
            endpoint=server.url,
            access_key_id="test",
            secret_access_key="test",
            client_options={"allow_http": True},
        )

    def put(self, objects: Mapping[str, bytes]) -> None:
        for path, content in objects.items():
            obstore.put(self.store, path, content)

    def get(self, path: str) -> bytes:
        return bytes(obstore.get(self.store, path).bytes())

    def paths(self) -> list[str]:
        return sorted(item["path"] for page in obstore.list(self.store) for item in page)
