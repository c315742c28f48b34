"""The tests that every model of `features.py` gets: `servekit.testing.model_tests` says which."""

from servekit.testing.model_tests import ModelTests


class TestModels(ModelTests):
    """Models of this service; one that is new is tested without another line."""
