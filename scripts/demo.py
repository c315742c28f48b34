"""`make demo`: the default project, made, served on Ray Serve and asked real questions.

With ONCE=1 in the environment it ends after the answers. Whatever happens, nothing is left
running.
"""

import sys

from scripts.stopping import STOPPER, Stop

if __name__ == "__main__":
    STOPPER.listen()
    try:
        from scripts.show import show

        show()
    except Stop:
        print("\nStopped; nothing is left running.", flush=True)
        sys.exit(130)
