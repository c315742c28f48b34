"""Commands in a project, with the one environment that all renders share."""

import os
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path

from servekit.commands.packages import find_uv

from scripts.export import ROOT

ENVIRONMENT = ROOT / "build/venv"
CALLERS = ("MAKE", "MFLAGS", "PYTEST_", "PYTHONDONTWRITEBYTECODE")
"""How variables begin that would change what is run: by make and pytest, when they call these
tests, and by an image in which all processes compile all that they import.
"""

ABSENT = ROOT / "tests/absent"
"""What a project without MLflow would not have in an environment of its own."""

Done = subprocess.CompletedProcess[str]
NUMBERS = count(1)


def run(project: Path, *command: str | Path, **variables: str) -> Done:
    """Run one of the environment's programs in a project, leaving nothing there."""
    program, *arguments = map(str, command)
    clean = {name: text for name, text in os.environ.items() if not name.startswith(CALLERS)}
    build = ENVIRONMENT.parent
    ours = {
        "PYTHONPATH": os.pathsep.join(map(str, [project / "src", ABSENT])),
        "PYTHONPYCACHEPREFIX": str(build / "bytecode"),
        "RUFF_CACHE_DIR": str(build / "ruff"),
        "PYTEST_ADDOPTS": "-p no:cacheprovider -p no:schemathesis",
    }
    called = [ENVIRONMENT / "bin" / program, *arguments]
    # What takes a quarter of an hour can be followed meanwhile; the log of a failure stays.
    log = build / "logs" / f"{os.getpid()}-{next(NUMBERS)}-{Path(program).name}.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("wb") as output:
        done = subprocess.run(
            called,
            cwd=project,
            env=clean | ours | variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    text = log.read_text(encoding="utf-8", errors="replace")
    if not done.returncode:
        log.unlink()
    return Done(called, done.returncode, text, "")


def environment_of(requirements: Path) -> Path:
    """Return the environment of a file of pinned requirements, made anew when that has changed."""
    environment = ENVIRONMENT.with_name(requirements.stem)
    stamp = environment / requirements.name
    if not stamp.is_file() or stamp.read_bytes() != requirements.read_bytes():
        python = environment / "bin/python"
        for command in (
            ["venv", "--clear", "--python", sys.executable, environment],
            ["pip", "install", "--python", python, "--requirement", requirements],
        ):
            uv = [find_uv(ENVIRONMENT), *map(str, command), "--quiet"]
            subprocess.run(uv, check=True, timeout=600)
        shutil.copy(requirements, stamp)
    return environment


def make(project: Path, *targets: str, **variables: str) -> Done:
    """Run the project's own make."""
    return run(
        project, "/usr/bin/env", "make", *targets, f"VENV={ENVIRONMENT}", "SYNCED=", **variables
    )


def said(done: Done) -> str:
    """What a command said; the names of tests that failed come first, should the rest be cut."""
    lines = done.stdout.splitlines()
    failed = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
    return "\n".join([str(done.args), *failed, done.stdout + done.stderr])
