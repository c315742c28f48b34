"""Which URLs mean an MLflow registry."""

import pytest

from servekit.registry.errors import ModelStoreError

from .mlflow_server import opened


@pytest.mark.parametrize(
    "url", ["mlflow:", "mlflow://host:5000", "mlflow:host", "mlflow:ftp://h", "mlflow:http://h:x"]
)
def test_another_url_is_refused_before_anybody_is_asked(url: str):
    with pytest.raises(ModelStoreError, match=r"is written mlflow:http://host:5000 or"):
        opened(url)


def test_credentials_in_the_url_are_refused_and_not_shown():
    with pytest.raises(ModelStoreError, match="MLFLOW_TRACKING_USERNAME") as caught:
        opened("mlflow:http://somebody:secret@host:5000")
    assert "secret" not in str(caught.value)
