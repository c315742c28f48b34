"""The features `grpc` and `cache`: what was answered over HTTP is not asked again."""

from fastapi.testclient import TestClient

from servekit.features.cache import cache
from servekit.features.cache.settings import CacheSettings
from servekit.ingress.grpc import grpc

from acme_service import SLUG

from .grpc_callers import in_process, outputs_of, texts
from tests.fakes import FakeDetector, create_app, fake_ports


async def test_an_answer_to_a_request_answers_a_call() -> None:
    detector = FakeDetector()
    api = create_app(fake_ports(detector), [cache(CacheSettings(), service=SLUG), grpc().feature])
    assert TestClient(api).post("/v1/detect", json={"text": "a"}).is_success
    async with in_process(api) as caller:
        call = caller.infer(texts("a"))
        assert outputs_of(await call)["language"] == [b"en"]
        assert "hit" in dict(await call.trailing_metadata())["cache-status"]
    assert len(detector.asked) == 1
