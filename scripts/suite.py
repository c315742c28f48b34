"""Run all tests of the template: those that only compute beside those that wait for others.

The tests over Ray Serve wait most of their time, and are spoilt by whatever keeps the processors
from them. So what runs beside them has no time limits to miss, and the lowest priority: it takes
what the others leave of the processors, which over Ray Serve is much.
"""

import os
import subprocess
import sys

from .export import ROOT

BESIDE = [
    "tests/test_agents.py",
    "tests/test_combinations.py",
    "tests/test_constraints.py",
    "tests/test_dependencies.py",
    "tests/test_docs.py",
    "tests/test_hooks.py",
    "tests/test_kubernetes.py",
    "tests/test_manifest.py",
    "tests/test_pages.py",
    "tests/test_protos.py",
    "tests/test_renders.py",
    "tests/test_scaffold.py",
    "tests/test_schemas.py",
    "tests/test_types.py",
    "tests/test_record.py",
    "tests/test_updates.py",
    "tests/test_updates_make.py",
    "tests/test_updates_newer.py",
    "tests/test_updates_refused.py",
    # Last, as the longest that two processors share.
    "tests/test_command_line.py",
    "tests/test_operators.py",
    "tests/test_own_tests.py",
]
"""Renders, parses, lints and types, and the tests of projects: nothing that measures time."""

PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
LOWEST_PRIORITY = ["nice", "-n", "19"]


def main() -> int:
    log = ROOT / "build/beside.log"
    with log.open("wb") as output:
        beside = subprocess.Popen(
            [*LOWEST_PRIORITY, *PYTEST, *BESIDE],
            cwd=ROOT,
            env=os.environ | {"PROJECTIONS": "beside"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            others = [f"--ignore={path}" for path in BESIDE]
            waiting = subprocess.run([*PYTEST, *others], cwd=ROOT, check=False)
            beside.wait()
        finally:
            if beside.poll() is None:
                beside.terminate()
                beside.wait()
    print(f"Beside them, in {log.relative_to(ROOT)}:")
    print(log.read_text(encoding="utf-8", errors="replace"))
    return waiting.returncode or beside.returncode


if __name__ == "__main__":
    sys.exit(main())
