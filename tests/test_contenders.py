"""Every contender of the benchmarks starts, and gives one right answer."""

import subprocess
import sys

from benchmarks.contenders import ALL, PLAIN_SOCKETS
from scripts.export import ROOT

TIMEOUT_S = 900


def test_every_contender_answers():
    """In a process of its own: what it leaves behind is stopped there."""
    command = [sys.executable, "-m", "benchmarks.starts"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    answered = [line.split()[0] for line in done.stdout.splitlines()]
    assert answered == [one.name for one in (*ALL, PLAIN_SOCKETS)]
