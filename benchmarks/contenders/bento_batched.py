"""The same service on BentoML with adaptive batching, for models that answer many at once.

`bentoml serve benchmarks.contenders.bento_batched:Detector`, as in
docs.bentoml.com/en/latest/get-started/adaptive-batching.html: callers of a batchable method send a
list, here of one text. A service in front of it, which takes single texts, would only add to it.
"""

import os

import bentoml
from my_service.contracts.language import Query

from benchmarks.contenders.bento import SERVICE
from benchmarks.contenders.model import loaded_model
from benchmarks.contenders.schemas import DetectionOut, answer


@bentoml.service(**SERVICE)
class Detector:
    def __init__(self) -> None:
        self.model = loaded_model()

    @bentoml.api(
        route="/v1/detect",
        batchable=True,
        max_batch_size=int(os.environ.get("MAX_BATCH_SIZE", "100")),
    )
    def detect(self, texts: list[str]) -> list[DetectionOut]:
        return [answer(found) for found in self.model.predict([Query(text) for text in texts])]
