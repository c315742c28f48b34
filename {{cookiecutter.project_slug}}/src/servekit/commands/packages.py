"""Installs the packages of this project, and upgrades them: `make setup`, `make upgrade`.

Needs Python's standard library alone, since it runs before anything is installed.

The first lock takes the versions in `constraints.txt`, which this project was tested with, on any
day and from any index. They are given as upgrades of single packages, not as uv's
`constraint-dependencies`, which would go on to limit every later lock, and not as an
`exclude-newer` day, which an index without upload times cannot answer.
"""

from __future__ import annotations  # for a Python that is too old, to be told so

import argparse
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

CONSTRAINTS = Path("constraints.txt")
LOCK = Path("uv.lock")
OLDEST_PYTHON = (3, 11)
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

UNSET = {"", "0", "f", "false", "n", "no", "off"}
"""Values that turn a variable off, as uv reads them."""

ADVICE = {
    "failed to parse: pyproject.toml": "pyproject.toml cannot be read: see the message above.",
    "`pyproject.toml` during": "pyproject.toml cannot be read: see the message above.",
    "failed to parse `uv.lock`": "uv.lock cannot be read: restore it from git, or delete it and "
    "run `make setup` for the versions in constraints.txt.",
    "unable to find lockfile": "uv.lock is missing: run `make setup` without UV_LOCKED and "
    "UV_FROZEN, and commit it.",
    "needs to be updated": "uv.lock does not fit pyproject.toml: run `make setup` without "
    "UV_LOCKED, and commit it.",
    "failed to fetch": "The package index cannot be reached: set UV_OFFLINE=1 to install from "
    "uv's cache, or UV_DEFAULT_INDEX to use another index.",
    "network was disabled": "uv's cache does not hold every package: run `make setup` once with "
    "a network and without UV_OFFLINE.",
    "exclude-newer": "The package index has nothing from before `exclude-newer`, or gives no "
    "upload times: unset UV_EXCLUDE_NEWER, or the line in uv.toml; constraints.txt decides alone.",
    "no solution found": "The packages that pyproject.toml asks for do not fit together: delete "
    "from constraints.txt what it pins otherwise, or change the bounds.",
}
"""What to do, by what uv says when it fails; the first that applies."""


class PackagesError(Exception):
    """The packages cannot be installed."""


def find_uv(environment: Path) -> str:
    """Return uv from PATH or from the environment, where it is installed if need be.

    Raises:
        PackagesError: This Python is too old, or cannot make environments.
    """
    own = environment / "bin/uv"
    for found in (shutil.which("uv"), str(own) if own.exists() else None):
        # One that is there may still not run, such as a shim of pyenv.
        if found and runs(found):
            return found
    if sys.version_info < OLDEST_PYTHON:
        raise PackagesError(
            "Python 3.11 or newer is required: install it and set PYTHON=python3.12, or install uv."
        )
    if not importlib.util.find_spec("ensurepip"):
        raise PackagesError(
            "This Python cannot make environments: install the package python3-venv, or install uv."
        )
    import venv

    venv.create(environment, with_pip=True)
    pip = [str(environment / "bin/python"), "-m", "pip", "install", "--quiet"]
    if subprocess.run([*pip, "--constraint", str(CONSTRAINTS), "uv"], check=False).returncode:
        raise PackagesError("uv cannot be installed by pip: install it, or check the network.")
    return str(own)


def runs(program: str) -> bool:
    """Return whether a program that is there works."""
    done = subprocess.run([program, "--version"], capture_output=True, check=False)
    return done.returncode == 0


def refuse_workspace(uv: str) -> None:
    """Refuse to be a member of a uv workspace: lock and environment would be those of its root.

    Raises:
        PackagesError: With what to write where.
    """
    asked = [uv, "workspace", "dir"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    root, here = Path(done.stdout.strip()).resolve(), Path.cwd()
    # An old uv does not know the command, and a broken pyproject.toml is the next one's to name.
    if done.returncode == 0 and root in here.parents:
        raise PackagesError(
            f"This folder has a lock of its own, and is in a uv workspace: write `exclude = "
            f'["{here.relative_to(root)}"]` below [tool.uv.workspace] in {root}/pyproject.toml.'
        )


def pins() -> list[str]:
    """Return the arguments that give the tested versions to a first lock; none if there is one.

    With NEWEST=1 in the environment it is the newest versions that are wanted instead.
    """
    others = (os.environ.get(name, "") for name in ("NEWEST", "UV_FROZEN", "UV_LOCKED"))
    if LOCK.exists() or any(value.lower() not in UNSET for value in others):
        return []
    if not CONSTRAINTS.exists():
        raise PackagesError(
            "uv.lock and constraints.txt are both missing: restore one of them from git, or set "
            "NEWEST=1 for the newest versions."
        )
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    versions = [line.partition("#")[0].strip() for line in lines]
    return [part for one in versions if one for part in ("--upgrade-package", one)]


def sync(uv: str, environment: Path, *options: str) -> None:
    """Install what the lock says, and write the lock if there is none.

    Inexact, because an exact sync would remove the uv that was installed beside the packages.

    Raises:
        PackagesError: With the advice that fits what uv said.
    """
    variables = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(environment)}
    command = [uv, "sync", "--inexact", *options, *pins()]
    process = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)
    said = []
    try:
        for line in process.stderr or ():
            print(line, end="", file=sys.stderr, flush=True)
            said.append(line.lower())
        failed = process.wait()
    except BaseException:
        # Or it would write its lock after the old one was put back.
        process.terminate()
        process.wait()
        raise
    if failed:
        raise PackagesError(advice(" ".join("".join(said).split())))


def advice(said: str) -> str:
    """Return the sentence that fits what uv said, in lower case and on one line."""
    found = (sentence for sign, sentence in ADVICE.items() if sign in said)
    return next(found, "The packages could not be installed: see uv's message above.")


def versions() -> dict[str, str]:
    """Return the versions in the lock by package; several where they depend on the Python."""
    import tomllib

    try:
        packages = tomllib.loads(LOCK.read_text(encoding="utf-8"))["package"]
    except (tomllib.TOMLDecodeError, KeyError):
        raise PackagesError("uv.lock cannot be read: restore it from git.") from None
    found: dict[str, list[str]] = {}
    for package in packages:
        found.setdefault(package["name"], []).append(package.get("version", "-"))
    return {name: ", ".join(sorted(several)) for name, several in found.items()}


def table(before: dict[str, str], after: dict[str, str]) -> str:
    """Return a table of the packages with another version than before; empty if there is none."""
    names = sorted({*before, *after})
    moved = [(name, before.get(name, "-"), after.get(name, "-")) for name in names]
    rows = [row for row in moved if row[1] != row[2]]
    if not rows:
        return ""
    rows.insert(0, ("package", "before", "after"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join(lines)


def upgrade(uv: str, environment: Path, check: Sequence[str]) -> None:
    """Move to the newest versions inside the bounds of pyproject.toml, if the check passes.

    Args:
        uv: The program.
        environment: The folder of the environment.
        check: A command that exits with 0 when the project works.

    Raises:
        PackagesError: The lock is as it was before, and so is the environment.
    """
    if not LOCK.exists():
        raise PackagesError("uv.lock is missing: run `make setup` first.")
    for name in ("UV_FROZEN", "UV_LOCKED"):
        os.environ.pop(name, None)  # they forbid what this is for
    kept = LOCK.read_bytes()
    before = after = versions()
    try:
        sync(uv, environment, "--upgrade")
        after = versions()
        moved = table(before, after)
        print(moved or "Every package is at the newest version that pyproject.toml allows.")
        sys.stdout.flush()
        if not moved:
            LOCK.write_bytes(kept)
            return
        # What is left over could make up for a dependency that is no longer asked for.
        uninstall(before.keys() - after.keys(), uv, environment)
        passed = not subprocess.run(check, check=False).returncode
    except BaseException:
        restore(kept, after.keys() - before.keys(), uv, environment)
        raise
    if not passed:
        restore(kept, after.keys() - before.keys(), uv, environment)
        raise PackagesError("The check failed with these versions; uv.lock was not changed.")
    print("Upgraded: commit uv.lock.")


def restore(lock: bytes, added: AbstractSet[str], uv: str, environment: Path) -> None:
    """Put the lock back, and install what it says, undisturbed by another Ctrl-C."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    LOCK.write_bytes(lock)
    uninstall(added, uv, environment)
    sync(uv, environment)


def uninstall(names: AbstractSet[str], uv: str, environment: Path) -> None:
    """Take packages out of the environment; those that are not in it are no error."""
    if gone := sorted(names - {"uv"}):
        python = str(environment / "bin/python")
        subprocess.run([uv, "pip", "uninstall", "--quiet", "--python", python, *gone], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description="Install or upgrade the packages.")
    parser.add_argument("action", choices=["uv", "install", "upgrade"])
    parser.add_argument("environment", type=Path)
    parser.add_argument("--group", action="append", default=[])
    parser.add_argument("--check", nargs=argparse.REMAINDER, default=[])
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        uv = find_uv(options.environment)
        refuse_workspace(uv)
        if options.action == "install":
            sync(uv, options.environment, *(f"--group={group}" for group in options.group))
        if options.action == "upgrade":
            upgrade(uv, options.environment, options.check)
    except PackagesError as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        sys.exit("Interrupted; uv.lock was not changed.")


if __name__ == "__main__":
    main()
