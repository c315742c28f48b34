"""Places that models come from: a folder always, and a room for each of the others.

None of them verifies or loads anything: `models/store.py` does, for all of them alike.
"""
