"""Models as services of their own: Ray Serve lives in `serving.py`, FastAPI nowhere.

The other modules hold plain classes, to be called and tested like any object.
"""
