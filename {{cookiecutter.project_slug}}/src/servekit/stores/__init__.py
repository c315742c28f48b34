"""Stores that replicas share. The service works on when one is unavailable.

Nothing here knows a feature, FastAPI or Ray.
"""
