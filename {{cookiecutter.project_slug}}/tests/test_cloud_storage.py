"""The feature `cloud_storage` is on: `MODEL_STORE` may name a bucket."""

import pytest

from servekit.registry.errors import ModelStoreError
from servekit.registry.store import open_source

from acme_service.features import sources


def test_the_store_may_be_a_bucket() -> None:
    open_source(tuple(sources()), "s3://bucket/models", 1)
    with pytest.raises(ModelStoreError):
        open_source(tuple(sources()), "elsewhere://models", 1)
