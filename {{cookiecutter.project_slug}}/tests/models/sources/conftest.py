"""Starts what takes long before its tests come."""

import pytest

from .mlflow_server import begun


def pytest_collection_finish(session: pytest.Session) -> None:
    """The server of MLflow takes ten seconds to start, in which other tests can run.

    Where several processes share the tests, not each of them gets those that need it.
    """
    mlflow = [item for item in session.items if item.path.name.startswith("test_mlflow")]
    if mlflow and not hasattr(session.config, "workerinput"):
        begun()
