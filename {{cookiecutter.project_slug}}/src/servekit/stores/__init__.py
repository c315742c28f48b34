"""Stores that replicas share. The service goes on when one is away.

Nothing here knows a feature, FastAPI or Ray.
"""
