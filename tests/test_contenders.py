"""Every contender of the benchmarks starts, and gives one right answer."""

import os
import subprocess
import sys

from benchmarks.starts import CONTENDERS
from scripts.export import ROOT

TIMEOUT_S = 900


def test_every_contender_answers():
    """In a process of its own: what it leaves behind is stopped there."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks"],
        cwd=ROOT,
        env=os.environ | {"STARTS": "1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    answered = [line.split()[0] for line in done.stdout.splitlines()]
    assert answered == [one.name for one in CONTENDERS]
