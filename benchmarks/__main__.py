"""`make bench`: measure every contender, write the report, and say whether the floors hold.

With QUICK=1 it measures only what the most important floors need, and writes no report; with
FEATURES=1 it measures what features cost instead, and writes `features.md`; with BATCHING=1 it
measures what `serve.batch` adds to each model, and writes `batching.md`.
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
            names = ("quick", "features", "batching")
            sys.exit(bench(**{name: os.environ.get(name.upper()) == "1" for name in names}))
        except StoppedError:
            end_descendants()
            raise
    except StoppedError:
        print("\nStopped; nothing is left running.", flush=True)
        sys.exit(130)
