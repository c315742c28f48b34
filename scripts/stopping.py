"""The kit's way to stop, and the one listener to signals of a program of the template."""

from servekit.commands.stopping import Stop, Stopper, adopt_orphans, end_descendants

__all__ = ["STOPPER", "Stop", "adopt_orphans", "end_descendants"]

STOPPER = Stopper()
