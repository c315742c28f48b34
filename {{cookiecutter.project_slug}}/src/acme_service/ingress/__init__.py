"""The entry point: the only package of the service that knows both FastAPI and Ray."""
