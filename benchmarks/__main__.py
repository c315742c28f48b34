"""`make bench`: measure every contender, write the report, and say whether the floors hold.

With QUICK=1 it measures only what the most important floors need, and writes no report; with
FEATURES=1 it measures what features cost instead, and writes `features.md`; with BATCHING=1 it
measures what `serve.batch` adds to each model, and writes `batching.md`; with MODELS=1 it measures
models of some milliseconds, and writes `models.md`; with COST=1 it measures
the CPU time of one request in process, and writes `cost.md`; with STARTS=1 it starts every
contender once.
"""

import os
import sys

from scripts.stopping import STOPPER, Stop, end_descendants

if __name__ == "__main__":
    STOPPER.listen()
    try:
        from benchmarks.bench import MODES, bench

        mode = next((name for name in MODES if os.environ.get(name) == "1"), "")
        sys.exit(bench(os.environ.get("QUICK") == "1", mode))
    except Stop:
        end_descendants()
        print("\nStopped; nothing is left running.", flush=True)
        sys.exit(130)
