"""What a Ray worker weighs that has nothing to do: the floor under every replica's memory."""

import subprocess

from .environments import FOLDER, PROJECT, PreparationError, programs, variables

TIMEOUT_S = 120


def idle_worker_bytes() -> int:
    """Resident memory of such a worker, in a local cluster that is started for it."""
    command = [str(programs("project") / "python"), "-m", "benchmarks.contenders.idle"]
    log = FOLDER / "idle.log"
    with log.open("w", encoding="utf-8") as complaints:
        try:
            said = subprocess.check_output(
                command, cwd=PROJECT, env=variables(), stderr=complaints, timeout=TIMEOUT_S
            )
        except subprocess.SubprocessError:
            sentence = f"An idle Ray worker could not be weighed: see {log}."
            raise PreparationError(sentence) from None
    return int(said.split()[-1])
