"""`make upgrade`: move the versions that the template is tested with, if all its tests pass.

The newest releases inside the bounds are taken that are 14 days old: most broken releases are
withdrawn or mended within days, and an index that is mirrored late has these. DAY=2026-11-14 in
the environment names another day.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from servekit.commands.packages import find_uv, table
from servekit.commands.stopping import SIGNALS

from scripts.export import ROOT

PROJECT = ROOT / "{{cookiecutter.project_slug}}"
COOLDOWN = timedelta(days=14)
GROUPS = ("dev", "bench")
"""Of the template's own pyproject.toml."""

HEADS = {
    PROJECT / "constraints.txt": """\
# The versions that this project was tested with. The first `make setup` installs them; from then
# on uv.lock decides, and `make upgrade` moves it.
# With pip alone: pip install --constraint constraints.txt --editable . --group dev
""",
    ROOT / "constraints.txt": """\
# What the template's own tools and tests were tested with, beside the project's constraints.txt.
# `make upgrade` moves both.
""",
}
Constraints = dict[Path, str]


def uv(*arguments: str | Path, folder: Path, day: date) -> str:
    """Return what uv prints, of an index as it was when the day began."""
    command = [find_uv(Path(sys.prefix)), *arguments]
    variables = {**os.environ, "UV_EXCLUDE_NEWER": f"{day}T00:00:00Z"}
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stderr.strip()}\nNothing was changed.")
    return done.stdout


def resolved(day: date) -> Constraints:
    """Resolve both files for every supported Python and platform."""
    project, template = HEADS
    compact = ("--no-header", "--no-annotate")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        asked = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
        # What make setup may install by pip, and what pip builds the project with.
        groups = '[dependency-groups]\nbootstrap = ["uv", "uv_build<0.14"]\n'
        asked = asked.replace("[dependency-groups]\n", groups)
        (folder / "pyproject.toml").write_text(asked, encoding="utf-8")
        export = ("export", "--all-groups", "--no-hashes", "--no-emit-project", *compact)
        whole = unconditional(uv(*export, folder=folder, day=day))
        (folder / "constraints.txt").write_text(whole, encoding="utf-8")
        tools = [f"--group={ROOT / 'pyproject.toml'}:{group}" for group in GROUPS]
        universal = ("--universal", "--python-version=3.11", "--constraint=constraints.txt")
        more = unconditional(
            uv("pip", "compile", *universal, *compact, *tools, folder=folder, day=day)
        )
    known = {name_of(line) for line in whole.splitlines()}
    rest = "".join(f"{line}\n" for line in more.splitlines() if name_of(line) not in known)
    return {project: HEADS[project] + whole, template: HEADS[template] + rest}


def name_of(line: str) -> str:
    return line.partition("==")[0]


def unconditional(lines: str) -> str:
    """Drop markers but those that tell several versions of a package apart.

    A project without some features may need a package under other conditions than the whole.
    """
    several = Counter(map(name_of, lines.splitlines()))
    kept = (
        line if several[name_of(line)] > 1 else re.sub(r" ;.*", "", line)
        for line in lines.splitlines()
    )
    return "".join(f"{line}\n" for line in kept)


def versions(constraints: Constraints) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for text in constraints.values():
        for line in text.splitlines():
            if not line.startswith("#"):
                found.setdefault(name_of(line), []).append(line.partition("==")[2].split()[0])
    return {name: ", ".join(several) for name, several in found.items()}


def write(constraints: Constraints) -> None:
    for path, text in constraints.items():
        path.write_text(text, encoding="utf-8")


def upgrade(day: date) -> None:
    before = {path: path.read_text(encoding="utf-8") for path in HEADS}
    after = resolved(day)
    moved = table(versions(before), versions(after))
    if not moved:
        print(f"Every package is at the newest version of {day} inside the bounds.")
        return
    print(moved, flush=True)
    # Neither the newest versions of all, nor what make was told of how to run this.
    ours = ("NEWEST", "MAKEFLAGS", "MFLAGS")
    variables = {name: text for name, text in os.environ.items() if name not in ours}
    try:
        write(after)
        if subprocess.run(["make", "test"], cwd=ROOT, env=variables, check=False).returncode:
            sys.exit("The tests failed with these versions; the constraints were not changed.")
    except BaseException:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        write(before)
        raise
    print("Upgraded: commit both constraints.txt.")


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    wanted = os.environ.get("DAY") or str((datetime.now(UTC) - COOLDOWN).date())
    try:
        upgrade(date.fromisoformat(wanted))
    except ValueError:
        sys.exit(f"DAY={wanted} is not a date such as 2026-11-14.")
    except KeyboardInterrupt:
        sys.exit("Interrupted; the constraints were not changed.")
