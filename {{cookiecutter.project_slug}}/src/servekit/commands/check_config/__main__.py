"""`make config`: check Serve configurations."""

from .checks import main

main()
