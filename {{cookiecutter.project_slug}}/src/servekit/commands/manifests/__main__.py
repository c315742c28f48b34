"""`make manifests`: render, complete and check the manifests of an overlay."""

from .checks import main

main()
