"""A line to the MLflow server that can be cut and squeezed."""

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread


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
