"""The feature `mlflow` is on: `MODEL_STORE` may name an MLflow registry."""

import pytest

from servekit.registry.errors import ModelStoreError
from servekit.registry.store import open_source

from acme_service.features import sources


def test_the_store_may_be_an_mlflow_registry() -> None:
    open_source(tuple(sources()), "mlflow:http://127.0.0.1:1", 1)
    with pytest.raises(ModelStoreError):
        open_source(tuple(sources()), "elsewhere://models", 1)
