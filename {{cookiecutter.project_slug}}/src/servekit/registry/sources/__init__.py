"""Sources of models: a folder always, and a package for each of the others.

None of them verifies or loads anything: `registry/store.py` does, for all alike.
"""
