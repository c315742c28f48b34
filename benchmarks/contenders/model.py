"""The model that every contender serves: the sample, or one as slow as models on accelerators."""

import os
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Protocol, Self

from my_service.contracts.language import Detection, Query
from my_service.models.language import LanguageModel
from servekit.registry.store import open_model
from servekit.registry.version_files import ModelFiles


class Model(Protocol):
    """What contenders ask."""

    def predict(self, items: Sequence[Query], /) -> list[Detection]: ...

    def stream(self, item: Query, /) -> Iterable[Detection]: ...


class DelayedModel(LanguageModel):
    """Stands for a network on an accelerator: the sample, CALL_MS later whatever the batch holds.

    Calls take turns, and leave the processor to others meanwhile.
    """

    _turn = threading.Lock()

    @classmethod
    def load(cls, files: ModelFiles) -> Self:
        found = super().load(files)
        found.call_s = float(os.environ["CALL_MS"]) / 1000
        return found

    def predict(self, items: Sequence[Query]) -> list[Detection]:
        with self._turn:
            time.sleep(self.call_s)
        return super().predict(items)


def loaded_model() -> Model:
    """The champion of the store; with CALL_MS, so many milliseconds slower."""
    kind = DelayedModel if "CALL_MS" in os.environ else LanguageModel
    return kind.load(open_model(os.environ["MODEL_STORE"], "language@champion"))
