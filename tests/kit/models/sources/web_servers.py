"""Servers of the tests' own that keep models, and some that keep whoever asks them waiting."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked has hung up, which is what some tests are about."""


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return None


@contextmanager
def listening(
    handler: Callable[..., BaseHTTPRequestHandler], certificate: Path | None = None
) -> Iterator[str]:
    """The address of a server with this handler.

    certificate: a file that holds its key too; with it, the server speaks TLS.
    """
    with Server(("127.0.0.1", 0), handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        scheme, host = ("https", "localhost") if certificate else ("http", "127.0.0.1")
        yield f"{scheme}://{host}:{server.server_port}"
        server.shutdown()


@contextmanager
def serving(folder: Path, certificate: Path | None = None) -> Iterator[str]:
    """The address of a web server for a folder."""

    class Handler(Quiet, SimpleHTTPRequestHandler):
        pass

    with listening(partial(Handler, directory=str(folder)), certificate) as url:
        yield url


@contextmanager
def silent() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def dripping() -> Iterator[str]:
    """The address of a server that answers everything with a byte now and then, for ever."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("ETag", '"drop"')
            self.send_header("X-Repo-Commit", "0" * 40)  # as a hub does
            self.send_header("Content-Length", "100000")
            self.end_headers()
            with suppress(OSError):
                while self.command == "GET":
                    self.wfile.write(b" ")
                    time.sleep(0.1)

        def do_HEAD(self) -> None:
            self.do_GET()

    with listening(Handler) as url:
        yield url


@contextmanager
def answering(status: int, body: bytes = b"") -> Iterator[str]:
    """The address of a server that answers everything with this status."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_PUT(self) -> None:
            self.do_GET()

        def do_HEAD(self) -> None:
            self.do_GET()

    with listening(Handler) as url:
        yield url
