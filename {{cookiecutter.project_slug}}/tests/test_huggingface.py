"""The feature `huggingface` is on: `MODEL_STORE` may name a repository of the Hugging Face Hub."""

import pytest

from servekit.registry.errors import ModelStoreError
from servekit.registry.store import open_source

from acme_service.features import sources


def test_the_store_may_be_a_repository_of_hugging_face() -> None:
    open_source(tuple(sources()), "hf:example/models", 1)
    with pytest.raises(ModelStoreError):
        open_source(tuple(sources()), "elsewhere://models", 1)
