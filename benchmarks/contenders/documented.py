"""The same two steps as Ray Serve's documentation writes them, with its default settings.

A FastAPI app in front, a model behind it, one handle call a request:
docs.ray.io/en/latest/serve/http-guide.html and docs.ray.io/en/latest/serve/model_composition.html
"""

import os

from fastapi import FastAPI
from my_service.contracts.language import Query
from ray import serve
from ray.serve.handle import DeploymentHandle

from benchmarks.contenders.model import loaded_model
from benchmarks.contenders.schemas import BatchOut, DetectionOut, ItemsIn, TextIn, answer

PROCESSES = int(os.environ.get("PROCESSES", "1"))
# Serve reserves a core for each replica by default; two of each would not fit on two cores.
RESOURCES = {"num_cpus": 1 / PROCESSES}

api = FastAPI()


@serve.deployment(num_replicas=PROCESSES, ray_actor_options=RESOURCES)
class Detector:
    def __init__(self) -> None:
        self.model = loaded_model()

    def detect(self, texts: list[str]) -> list[DetectionOut]:
        return [answer(found) for found in self.model.predict([Query(one) for one in texts])]


@serve.deployment(num_replicas=PROCESSES, ray_actor_options=RESOURCES)
@serve.ingress(api)
class Service:
    def __init__(self, detector: DeploymentHandle) -> None:
        self.detector = detector

    @api.post("/v1/detect")
    async def detect(self, body: TextIn) -> DetectionOut:
        [found] = await self.detector.detect.remote([body.text])
        return found

    @api.post("/v1/detect/batch")
    async def detect_batch(self, body: ItemsIn) -> BatchOut:
        return BatchOut(results=await self.detector.detect.remote(body.texts))


app = Service.bind(Detector.bind())
