"""Asks the HAProxy that Ray Serve runs on this machine, over its administrative socket."""

import csv
import socket
from pathlib import Path

FRONTENDS = ("http_frontend", "grpc_frontend")
TIMEOUT_S = 2.0


class HAProxy:
    """The HAProxy of a node.

    Args:
        path: Of its administrative socket, as Ray Serve is told; it makes a folder for each node.
    """

    def __init__(self, path: Path) -> None:
        self._path = next((one for one in path.parent.glob(f"*/{path.name}")), path)

    def stop_listening(self) -> bool:
        """Refuse new connections, and serve those that there are; False without a HAProxy."""
        try:
            for name in FRONTENDS:
                self._ask(f"shutdown frontend {name}")
        except OSError:
            return False
        return True

    def requests(self) -> int:
        """How many requests, streams and WebSockets are under way; 0 without a HAProxy."""
        try:
            lines = self._ask("show stat").lstrip("# ").splitlines()
        except (FileNotFoundError, ConnectionRefusedError):
            return 0
        except OSError:  # it is there, and busy
            return 1
        rows = csv.DictReader(lines)
        return sum(int(row["scur"] or 0) for row in rows if row["svname"] == "BACKEND")

    def has_died(self) -> bool:
        """Whether HAProxy has died, and left its socket behind."""
        try:
            self._connect().close()
        except ConnectionRefusedError:
            return True
        except OSError:  # none has started yet, or this one is busy
            pass
        return False

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT_S)
        try:
            connection.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        return connection

    def _ask(self, command: str) -> str:
        with self._connect() as asked:
            asked.sendall(f"{command}\n".encode())
            said = b""
            while part := asked.recv(65_536):
                said += part
        return said.decode(errors="replace")
