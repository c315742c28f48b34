"""Starts what takes long before its tests come."""

from importlib.util import find_spec

import pytest


def pytest_collection_finish(session: pytest.Session) -> None:
    """The server of MLflow takes ten seconds to start, in which other tests can run."""
    if not find_spec("tests.models.sources.mlflow_server"):
        return  # a project without the feature
    from .mlflow_server import begun

    ours = [item for item in session.items if item.path.name.startswith("test_mlflow")]
    if any(item.get_closest_marker("slow") for item in ours):
        begun()
