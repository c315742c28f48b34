"""The models of the project's own store, opened once."""

from pathlib import Path

import pytest

from acme_service.models.language import LanguageModel
from acme_service.models.store import open_model

STORE = Path(__file__).parents[2] / "model_store"


@pytest.fixture(scope="session")
def ten() -> LanguageModel:
    """Version 1, which knows ten languages."""
    return LanguageModel.load(open_model(STORE.as_uri(), "language:1"))


@pytest.fixture(scope="session")
def thirty_one() -> LanguageModel:
    """Version 2, which knows thirty-one languages."""
    return LanguageModel.load(open_model(STORE.as_uri(), "language:2"))
