"""Stands before the pandas of the environment that renders share, where their own has none.

Ray Serve imports pandas in each of its processes wherever it finds it, which takes a second each.
"""

raise ImportError("No project asks for pandas.")
