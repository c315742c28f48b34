"""How a service runs in tests, and how they are let in: a module for each feature that asks."""
