"""Run all tests of the template: those that only compute beside those that wait for others.

The tests over Ray Serve wait most of their time, and are spoilt by whatever keeps the processors
from them. So what runs beside them has no time limits to miss, and the lowest priority.
"""

import subprocess
import sys

from .export import ROOT

BESIDE = [
    "tests/test_combinations.py",
    "tests/test_constraints.py",
    "tests/test_dependencies.py",
    "tests/test_docs.py",
    "tests/test_hooks.py",
    "tests/test_manifest.py",
    "tests/test_renders.py",
    "tests/test_schemas.py",
    "tests/test_types.py",
]
"""Renders, parses, lints and types: nothing that waits for another process."""

PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
LOWEST_PRIORITY = ["nice", "-n", "19"]


def main() -> int:
    log = ROOT / "build/beside.log"
    with log.open("wb") as output:
        beside = subprocess.Popen(
            [*LOWEST_PRIORITY, *PYTEST, *BESIDE],
            cwd=ROOT,
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
