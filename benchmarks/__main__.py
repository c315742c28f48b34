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
        from benchmarks.services import end_descendants

        sys.exit(bench(quick=os.environ.get("QUICK") == "1"))
    except StoppedError:
        end_descendants()
        print("\nStopped; nothing is left running.", flush=True)
        sys.exit(130)
