"""Tells which CPUs and GPUs of this machine a model may use."""

import os


def reserved_cpus() -> int:
    """Return how many threads a model may compute with.

    Ray sets `OMP_NUM_THREADS` to the CPUs that a replica has reserved, at least one. Libraries
    that do not read it would start a thread for each core of the machine.
    """
    reserved = os.environ.get("OMP_NUM_THREADS", "")
    return int(reserved) if reserved.isdecimal() and int(reserved) else os.cpu_count() or 1


def has_gpu() -> bool:
    """Return whether a GPU may be used.

    Ray sets `CUDA_VISIBLE_DEVICES` to the GPUs that a replica has reserved. Without the variable
    the process is not limited, and the library finds out whether there is one.
    """
    return os.environ.get("CUDA_VISIBLE_DEVICES") not in {"", "-1"}
