"""Where Ray Serve and FastAPI meet."""
