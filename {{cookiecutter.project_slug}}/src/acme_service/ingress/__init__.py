"""The door: the only room that knows both FastAPI and Ray, and plugs one into the other."""
