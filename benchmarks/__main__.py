"""`make bench`: measure every contender, write the report, and say whether the floors hold.

With QUICK=1 it measures only what the most important floors need, and writes no report.
"""

import os
import sys

from scripts.stopping import StoppedError, listen

if __name__ == "__main__":
    listen()
    try:
        from benchmarks.bench import bench

        sys.exit(bench(quick=bool(os.environ.get("QUICK"))))
    except StoppedError:
        print("\nStopped; nothing is left running.", flush=True)
        sys.exit(130)
