"""A real Redis of the tests' own, to be killed, frozen and filled."""

import shutil
import signal
import subprocess
import time
from types import TracebackType
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from servekit.testing.subprocesses import free_port, without

PROGRAM = shutil.which("redis-server")
IN_MEMORY = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--loglevel", "warning"]


class RedisServer:
    """Stands still at first; a fixture enters it, and `start` may follow every `kill`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if PROGRAM is None:
            without("redis-server is not installed")
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self, *options: str) -> None:
        command = [str(PROGRAM), "--port", str(self.port), *IN_MEMORY, *options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server did not start."
            time.sleep(0.01)

    def _answers(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False

    def client(self) -> Redis:
        return Redis.from_url(self.url)

    def stored(self) -> list[bytes]:
        with self.client() as client:
            return sorted(client.scan_iter())

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """From now on it takes connections and commands, and answers none."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def fill(self) -> None:
        """Refuse all that is to be stored."""
        with self.client() as client:
            client.config_set("maxmemory", "1")
