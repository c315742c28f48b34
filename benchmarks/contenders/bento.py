"""The same service on BentoML, as its documentation writes it, with what it can do without off.

A class with a model and an API method for each path, their types checked by Pydantic, served by
`bentoml serve benchmarks.contenders.bento:Detector`, with a process a worker:
docs.bentoml.com/en/latest/build-with-bentoml/services.html

Measured with 32 connections: `def` and `async def`, FastAPI mounted, adaptive batching in the
service and behind a wrapper service, all with and without tracing; and uvloop with httptools,
which uvicorn takes when installed. `async def` with these and without tracing was the fastest.
"""

import os

import bentoml
from my_service.contracts.language import Query

from benchmarks.contenders.model import loaded_model
from benchmarks.contenders.schemas import BatchOut, DetectionOut, TextIn, answer

SERVICE = {
    "workers": int(os.environ.get("PROCESSES", "1")),
    "http": {"host": "127.0.0.1", "port": int(os.environ.get("PORT", "8000"))},
    "logging": {"access": {"enabled": False}},
    "metrics": {"enabled": False},
    # Spans are made for every request even when none is collected, unless its URL is excluded.
    "tracing": {"excluded_urls": "/v1/"},
}


@bentoml.service(**SERVICE)
class Detector:
    def __init__(self) -> None:
        self.model = loaded_model()

    # The model answers sooner than a thread is handed the text, so it runs in the event loop.
    @bentoml.api(route="/v1/detect")
    async def detect(self, text: str) -> DetectionOut:
        [found] = self.model.predict([Query(text)])
        return answer(found)

    @bentoml.api(route="/v1/detect/batch")
    async def detect_batch(self, items: list[TextIn]) -> BatchOut:
        found = self.model.predict([Query(item.text) for item in items])
        return BatchOut(results=[answer(one) for one in found])
