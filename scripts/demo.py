"""Make the default project, serve it on Ray Serve, and ask it real questions.

With ONCE=1 in the environment it ends after the answers. Whatever happens, nothing is left
running.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from httpx2 import Client, HTTPError

from scripts.export import ROOT, export
from scripts.questions import ask_all

FOLDER = ROOT / "build/demo"
LOG = FOLDER / "serve.log"
HOST, PORT = "127.0.0.1", 8000
URL = f"http://{HOST}:{PORT}"
START_TIMEOUT_S = 240
STOP_TIMEOUT_S = 60


class StoppedError(BaseException):
    """Somebody pressed Ctrl-C, or sent SIGTERM."""


def stop(_number: int, _frame: FrameType | None) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # from here on, nothing interrupts the cleaning up
    raise StoppedError


def refuse_taken_port() -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, PORT))
        except OSError:
            sys.exit(f"Port {PORT} is taken: stop what listens there, then start the demo again.")


def environment() -> dict[str, str]:
    """The caller's, without what our own make adds; uv is found if only we have it."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MF"))
    }
    kept["PATH"] += os.pathsep + str(Path(sys.executable).parent)
    kept["COOKIECUTTER_CONFIG"] = str(FOLDER / "cookiecutter.yaml")
    return kept


@contextmanager
def running(
    *command: str, folder: Path, log: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of a session of its own, so that it is we who end it and not the terminal."""
    output = log.open("wb") if log else None
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if log else None,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()  # make passes it on to what it runs, and waits for that
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def run(*command: str, folder: Path) -> None:
    with running(*command, folder=folder) as process:
        if process.wait():
            sys.exit(f"`{' '.join(command)}` failed.")


def make_project() -> Path:
    """The default project, from what git knows of the template."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    template = export(FOLDER / "template")
    Path(environment()["COOKIECUTTER_CONFIG"]).write_text(
        f"replay_dir: {FOLDER / 'replay'}\ncookiecutters_dir: {FOLDER / 'templates'}\n"
    )
    cookiecutter = str(Path(sys.executable).with_name("cookiecutter"))
    run(cookiecutter, str(template), "--no-input", "-o", str(FOLDER), folder=FOLDER)
    return FOLDER / "my-service"


def wait_until_ready(service: subprocess.Popen[bytes], client: Client) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and service.poll() is None:
        try:
            if client.get("/health/ready").is_success:
                return
        except HTTPError:
            pass
        time.sleep(0.5)
    last = LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
    sys.exit("\n".join([*last, f"The service did not start: see {LOG.relative_to(ROOT)}."]))


def say(sentence: str) -> None:
    print(f"\n\033[1m{sentence}\033[0m" if sys.stdout.isatty() else f"\n{sentence}", flush=True)


def main() -> None:
    refuse_taken_port()
    say("1. cookiecutter makes the default project")
    project = make_project()
    print(
        f"{project.relative_to(ROOT)}: {sum(path.is_file() for path in project.rglob('*'))} files"
    )
    say("2. make setup")
    run("make", "setup", folder=project)
    say("3. make serve, which takes Ray some 20 seconds")
    with (
        running("make", "serve", folder=project, log=LOG) as service,
        Client(base_url=URL, timeout=30) as client,
    ):
        wait_until_ready(service, client)
        say("4. Questions and answers")
        ask_all(client)
        if not os.environ.get("ONCE"):
            say(f"Serving on {URL}/docs until Ctrl-C.")
            service.wait()
            sys.exit(f"The service ended by itself: see {LOG.relative_to(ROOT)}.")
    print("\nAll questions were answered.")


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        main()
    except StoppedError:
        print("\nStopped; nothing is left running.", flush=True)
        sys.exit(130)
