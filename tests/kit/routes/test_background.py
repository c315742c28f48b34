"""What a route leaves to a background task is done once its answer is on the way."""

import logging

from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from acme_service.api.v1 import detect

from tests.fakes import create_app, fake_ports


def test_a_file_is_recorded_after_it_is_answered() -> None:
    happened: list[str] = []
    api = create_app(fake_ports())

    class Recorded(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            happened.append(record.getMessage())

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                happened.append("answered")

        await api(scope, receive, noted)

    handler = Recorded()
    log = logging.getLogger(detect.__name__)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        response = TestClient(noting).post("/v1/detect/file", files={"file": b"hello"})
    finally:
        log.removeHandler(handler)
    assert response.status_code == 200
    assert happened == ["answered", "file detected"]
