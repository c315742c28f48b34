"""Starts what takes long before its tests come."""

import pytest

from .mlflow_server import begun


def pytest_collection_finish(session: pytest.Session) -> None:
    """The server of MLflow takes ten seconds to start, in which other tests can run."""
    ours = [item for item in session.items if item.path.name.startswith("test_mlflow")]
    if any(item.get_closest_marker("slow") for item in ours):
        begun()
