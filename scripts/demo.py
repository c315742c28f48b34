"""`make demo`: the default project, made, served on Ray Serve and asked real questions.

With ONCE=1 in the environment it ends after the answers. Whatever happens, nothing is left
running.
"""

import sys

from scripts.stopping import StoppedError, listen

if __name__ == "__main__":
    listen()
    try:
        from scripts.show import show

        show()
    except StoppedError:
        print("\nStopped; nothing is left running.", flush=True)
        sys.exit(130)
