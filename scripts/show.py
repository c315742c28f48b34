"""The steps of the demo, each a command that a user would type."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from urllib.request import urlopen

from dotenv import dotenv_values

from scripts.export import ROOT, export
from scripts.ports import refuse_taken_port
from scripts.questions import ask_all
from scripts.stopping import STOPPER, Stop

FOLDER = ROOT / "build/demo"
LOG = FOLDER / "demo.log"
HOST, PORT = "127.0.0.1", 8000
URL = f"http://{HOST}:{PORT}"
START_TIMEOUT_S = 240
STOP_TIMEOUT_S = 60


def environment() -> dict[str, str]:
    """The caller's, without what our own make adds; uv is found if only we have it."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MF"))
    }
    kept["PATH"] += os.pathsep + str(Path(sys.executable).parent)
    kept["COOKIECUTTER_CONFIG"] = str(FOLDER / "cookiecutter.yaml")
    return kept


@contextmanager
def running(*command: str, folder: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process in a session of its own, so that the terminal does not end it."""
    process = None
    try:
        with STOPPER.held_back(), log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        yield process
    finally:
        if process and process.poll() is None:
            with STOPPER.held_back():
                end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()  # make passes it on to what it runs, and waits for that
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run(*command: str, folder: Path, log: Path) -> None:
    with running(*command, folder=folder, log=log) as process:
        if process.wait():
            fail(f"`{' '.join(command)}` failed", log)


def fail(sentence: str, log: Path) -> NoReturn:
    last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
    sys.exit("\n".join([*last, f"{sentence}: see {log.relative_to(ROOT)}."]))


def make_project() -> Path:
    """The default project, from what git knows of the template."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    template = export(FOLDER / "template")
    Path(environment()["COOKIECUTTER_CONFIG"]).write_text(
        f"replay_dir: {FOLDER / 'replay'}\ncookiecutters_dir: {FOLDER / 'templates'}\n"
    )
    cookiecutter = str(Path(sys.executable).with_name("cookiecutter"))
    run(cookiecutter, str(template), "--no-input", "-o", str(FOLDER), folder=FOLDER, log=LOG)
    return FOLDER / "my-service"


def wait_until_ready(service: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and service.poll() is None:
        try:
            with urlopen(f"{URL}/health/ready", timeout=5):
                return
        except OSError:  # nobody listens yet, or not ready
            time.sleep(0.5)
    fail("The service did not start", LOG)


def say(sentence: str) -> None:
    print(f"\n\033[1m{sentence}\033[0m" if sys.stdout.isatty() else f"\n{sentence}", flush=True)


def show() -> None:
    refuse_taken_port(HOST, PORT, "start the demo again")
    say("1. cookiecutter makes the default project")
    project = make_project()
    print(
        f"{project.relative_to(ROOT)}: {sum(path.is_file() for path in project.rglob('*'))} files"
    )
    say("2. make setup, which downloads what is not here yet")
    run("make", "setup", folder=project, log=LOG)
    print("\n".join(line for line in LOG.read_text().splitlines() if "shown only now" in line))
    say("3. make serve, which takes Ray some 20 seconds")
    with running("make", "serve", folder=project, log=LOG) as service:
        wait_until_ready(service)
        say("4. Questions and answers")
        ask_all(URL, local_header(project))
        if not os.environ.get("ONCE"):
            say(f"Serving on {URL}/docs until Ctrl-C.")
            serve_until_stopped(service)
    print("\nAll questions were answered; nothing is left running.")


def local_header(project: Path) -> dict[str, str]:
    """Return the credentials of this machine, where the service requires any."""
    header = dotenv_values(project / ".env").get("LOAD_HEADER") or ""
    name, _, value = header.partition(": ")
    return {name: value} if name else {}


def serve_until_stopped(service: subprocess.Popen[bytes]) -> None:
    try:
        service.wait()
    except Stop:
        return  # as told
    fail("The service ended by itself", LOG)
