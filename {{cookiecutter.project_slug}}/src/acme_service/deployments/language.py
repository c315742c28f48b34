"""The language model as a service."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence

from acme_service.models.language import LanguageModel
from acme_service.models.store import open_model
from acme_service.models.threads import in_thread
from acme_service.ports import CHAMPION, Detection, LanguageModelCard, Query

DEFAULT_STORE = "file:model_store"
"""The folder that comes with the project, below the working directory."""

QUICK_CHARS = 10_000
"""Texts of so many characters together take a millisecond or two."""


class LanguageDeployment:
    """Holds one version of the language model.

    What takes long is done in a thread, so that it never keeps the replica from taking requests
    or answering health checks. What is quick is done at once: handing it to a thread, and
    waiting for that, would take longer than the work. A model whose calls are all slow, or
    whose speed is not known, does best with methods that are `def`: Serve runs those in threads.

    store: URL of the model store; `MODEL_STORE` by default.
    reference: `name@alias` or `name:version`.

    Raises ModelStoreError when the model is missing, damaged or of the wrong shape.
    """

    def __init__(self, store: str | None = None, reference: str = "language@champion") -> None:
        store = store or os.environ.get("MODEL_STORE") or DEFAULT_STORE
        self._model = LanguageModel.load(open_model(store, reference))

    async def detect_batch(self, queries: Sequence[Query]) -> list[Detection]:
        if sum(len(query.text) for query in queries) <= QUICK_CHARS:
            return self._model.detect_batch(queries)
        return await asyncio.to_thread(self._model.detect_batch, queries)

    async def detect_each(self, queries: Sequence[Query]) -> AsyncIterator[Detection]:
        async for detection in in_thread(self._model.detect_each(queries)):
            yield detection

    async def guesses(self, query: Query) -> AsyncIterator[Detection]:
        async for detection in in_thread(self._model.guesses(query)):
            yield detection

    async def card(self, model: str = CHAMPION) -> LanguageModelCard:
        return self._model.card
