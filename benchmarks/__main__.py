"""`make bench`: measure every contender, write the report, and say whether the floors hold.

With QUICK=1 it measures only what the most important floors need, and writes no report; with
FEATURES=1 it measures what features cost instead, and writes `features.md`.
"""

import os
import sys

from scripts.stopping import StoppedError, listen

if __name__ == "__main__":
    listen()
    try:
        from benchmarks.bench import bench
        from benchmarks.services import end_descendants

        try:
            asked = {name: os.environ.get(name) == "1" for name in ("QUICK", "FEATURES")}
            sys.exit(bench(quick=asked["QUICK"], features=asked["FEATURES"]))
        except StoppedError:
            end_descendants()
            raise
    except StoppedError:
        print("\nStopped; nothing is left running.", flush=True)
        sys.exit(130)
