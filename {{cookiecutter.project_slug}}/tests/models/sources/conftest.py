"""Starts what takes long before its tests come."""

import pytest

from .mlflow_server import begun


def pytest_collection_finish(session: pytest.Session) -> None:
    """The server of MLflow takes ten seconds to start, in which other tests can run."""
    if any(item.path.name.startswith("test_mlflow") for item in session.items):
        begun()
