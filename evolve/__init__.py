"""Updates of a project: a newer version of the template, other answers, other names.

A project carries three lines of its Makefile, which run this package from a clone of the template.
It needs Python's standard library and git alone. Both versions are rendered, and git merges what
differs between them into the project: three ways, and in its object store, so that nothing is
touched before everything is known.
"""
