"""The language model as a service."""

import os
from collections.abc import AsyncIterator, Sequence

from acme_service.models.language import LanguageModel
from acme_service.models.store import open_model
from acme_service.models.threads import in_thread
from acme_service.ports import Detection, LanguageModelCard, Query

DEFAULT_STORE = "file:model_store"
"""The folder that comes with the project, below the working directory."""


class LanguageDeployment:
    """Holds one version of the language model.

    Methods that compute are `def`, not `async def`: Serve runs those in a thread, so that a
    long batch never keeps the replica from taking requests or answering health checks.

    store: URL of the model store; `MODEL_STORE` by default.
    reference: `name@alias` or `name:version`.

    Raises ModelStoreError when the model is missing, damaged or of the wrong shape.
    """

    def __init__(self, store: str | None = None, reference: str = "language@champion") -> None:
        store = store or os.environ.get("MODEL_STORE") or DEFAULT_STORE
        self._model = LanguageModel.load(open_model(store, reference))

    def detect_batch(self, queries: Sequence[Query]) -> list[Detection]:
        return self._model.detect_batch(queries)

    async def detect_each(self, queries: Sequence[Query]) -> AsyncIterator[Detection]:
        async for detection in in_thread(self._model.detect_each(queries)):
            yield detection

    async def guesses(self, query: Query) -> AsyncIterator[Detection]:
        async for detection in in_thread(self._model.guesses(query)):
            yield detection

    def card(self) -> LanguageModelCard:
        return self._model.card
