"""Models as services of their own: plain classes, to be called and tested like any object.

Neither Ray Serve nor FastAPI is here: `ingress/app.py` makes deployments of them.
"""
