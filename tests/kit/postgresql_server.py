"""A real PostgreSQL of the tests' own, to be stopped and frozen."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from servekit.testing.subprocesses import free_port, without

# Debian keeps what only a server needs out of the path.
_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
_PATH = os.pathsep.join(map(str, [*_FOLDERS[-1:], *os.get_exec_path()]))
PROGRAM = shutil.which("postgres", path=_PATH)
# It has to outlive its own end, but not that of the machine.
FAST = ["-F", "-c", "full_page_writes=off", "-c", "max_connections=50"]
NAME = "postgres"


class PostgresqlServer:
    """Stands still at first; a fixture enters it, and `start` may follow every `stop`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"postgresql://{NAME}@127.0.0.1:{self.port}/{NAME}"
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if PROGRAM is None:
            without("PostgreSQL is not installed")
        self._folder = Path(tempfile.mkdtemp(prefix="postgresql"))
        if "user" in _as_nobody_special():
            shutil.chown(self._folder, NAME)
        self._run("initdb", "--no-sync", "-A", "trust", "-U", NAME, "-D", str(self._data))
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        assert self._folder
        shutil.rmtree(self._folder)

    @property
    def _data(self) -> Path:
        assert self._folder
        return self._folder / "data"

    def start(self) -> None:
        """Return when it answers."""
        self._run(
            *("pg_ctl", "start", "--wait", "-D", str(self._data), "-l", str(self._data / "log")),
            *("-o", " ".join(["-h", "127.0.0.1", "-p", str(self.port), "-k", "''", *FAST])),
        )

    def stop(self) -> None:
        """At once, as when a machine is lost; and thawed, should it be frozen."""
        self.thaw()
        self._run("pg_ctl", "stop", "--mode", "immediate", "-D", str(self._data), check=False)

    def kill(self) -> None:
        """All of its processes, which get to say nothing."""
        self._signal(signal.SIGKILL)
        # It names a process that is dead, but still there where no parent has asked how it ended.
        (self._data / "postmaster.pid").unlink()

    def freeze(self) -> None:
        """From now on it takes connections and statements, and answers none."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def query(self, statement: str) -> str:
        """What it says, without the service between."""
        return self._run("psql", self.url, "-Atc", statement).strip()

    def _signal(self, number: signal.Signals) -> None:
        """To it and to those of its processes that each serve one connection."""
        file = self._data / "postmaster.pid"
        if not file.exists():
            return
        parent = file.read_text().split()[0]
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", parent], capture_output=True, text=True, check=False
        )
        for pid in [parent, *listed.stdout.split()]:
            os.kill(int(pid), number)

    def _run(self, program: str, *arguments: str, check: bool = True) -> str:
        assert PROGRAM
        done = subprocess.run(
            [str(Path(PROGRAM).with_name(program)), *arguments],
            stdout=subprocess.PIPE if program == "psql" else subprocess.DEVNULL,
            cwd="/",
            text=True,
            check=check,
            timeout=60,
            **_as_nobody_special(),
        )
        return done.stdout or ""


def _as_nobody_special() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    known = pwd.getpwnam(NAME)
    return {"user": known.pw_uid, "group": known.pw_gid, "extra_groups": []}
