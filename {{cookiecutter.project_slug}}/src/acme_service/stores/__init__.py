"""What replicas share, outside of all of them. It may be away, and the service goes on.

Nothing here knows a feature, FastAPI or Ray.
"""
