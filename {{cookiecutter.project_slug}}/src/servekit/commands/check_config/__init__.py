"""Finds what is wrong with a Serve configuration before anything starts."""
