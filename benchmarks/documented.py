"""The same two steps as Ray Serve's documentation writes them, with its default settings.

A FastAPI app in front, a model behind it, one handle call a request:
docs.ray.io/en/latest/serve/http-guide.html and docs.ray.io/en/latest/serve/model_composition.html
"""

import os

from acme_service.models.language import LanguageModel
from acme_service.models.store import open_model
from acme_service.ports import Query
from fastapi import FastAPI
from pydantic import BaseModel
from ray import serve
from ray.serve.handle import DeploymentHandle

api = FastAPI()


class TextIn(BaseModel):
    text: str


class CandidateOut(BaseModel):
    language: str
    score: float


class DetectionOut(BaseModel):
    language: str
    score: float
    candidates: list[CandidateOut]


@serve.deployment
class Detector:
    def __init__(self) -> None:
        self.model = LanguageModel.load(open_model(os.environ["MODEL_STORE"], "language@champion"))

    def detect(self, text: str) -> DetectionOut:
        [found] = self.model.detect_batch([Query(text)])
        candidates = [CandidateOut(language=code, score=score) for code, score in found.candidates]
        return DetectionOut(language=found.language, score=found.score, candidates=candidates[:3])


@serve.deployment
@serve.ingress(api)
class Service:
    def __init__(self, detector: DeploymentHandle) -> None:
        self.detector = detector

    @api.post("/v1/detect")
    async def detect(self, body: TextIn) -> DetectionOut:
        return await self.detector.detect.remote(body.text)


app = Service.bind(Detector.bind())
