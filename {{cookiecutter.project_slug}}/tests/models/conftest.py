"""The models of the tests' own store, opened once."""

import pytest

from servekit.registry.store import open_model
from servekit.testing.store import STORE

from acme_service.models.language import LanguageModel


@pytest.fixture(scope="session")
def ten() -> LanguageModel:
    """Version 1, which knows ten languages."""
    return LanguageModel.load(open_model(STORE.as_uri(), "language:1"))


@pytest.fixture(scope="session")
def thirty_one() -> LanguageModel:
    """Version 2, which knows thirty-one languages."""
    return LanguageModel.load(open_model(STORE.as_uri(), "language:2"))
