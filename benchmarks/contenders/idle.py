"""A Ray worker that has nothing to do: prints its resident memory in bytes."""

import os
from pathlib import Path
from typing import Any

import ray


class Idle:
    def resident_bytes(self) -> int:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    ray.init(include_dashboard=False)
    worker: Any = ray.remote(Idle).remote()
    print(ray.get(worker.resident_bytes.remote()))
