"""Sources of models: a folder always, and a package for each of the others.

None of them verifies or loads anything: `models/store.py` does, for all of them alike.
"""
