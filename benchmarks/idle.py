"""What a Ray worker weighs that has nothing to do: the floor under every replica's memory."""

import subprocess

from .environments import FOLDER, PROJECT, PreparationError, programs, variables

TIMEOUT_S = 120


def idle_worker_bytes() -> int:
    """Resident memory of such a worker, in a local cluster that is started for it."""
    done = subprocess.run(
        [str(programs("project") / "python"), "-m", "benchmarks.contenders.idle"],
        cwd=PROJECT,
        env=variables(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        (FOLDER / "idle.log").write_text(done.stderr, encoding="utf-8")
        raise PreparationError(f"An idle Ray worker could not be weighed: see {FOLDER}/idle.log.")
    return int(done.stdout.split()[-1])
