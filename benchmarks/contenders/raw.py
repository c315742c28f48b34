"""The sample model in a bare ASGI callable, in a replica of Ray Serve: the limit of `inline`.

What it reaches, no framework inside the replica can exceed. Run by the project's own launcher, so
Serve, its proxy and their settings are the same.
"""

import json
from typing import Any

from my_service.contracts.language import Query
from pydantic import TypeAdapter
from ray import serve

from benchmarks.contenders.model import loaded_model
from benchmarks.contenders.schemas import DetectionOut, answer

HEADERS = [(b"content-type", b"application/json")]


class Raw:
    """Answers any request as `POST /v1/detect`."""

    def __init__(self) -> None:
        self.model = loaded_model()
        self.written = TypeAdapter(DetectionOut).dump_json

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for event in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{event}.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        [found] = self.model.predict([Query(json.loads(body)["text"])])
        content = self.written(answer(found))
        headers = [*HEADERS, (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def build() -> Raw:
    """Serve calls it in the replica."""
    return Raw()


def app(_args: dict[str, Any]) -> Any:
    """The Serve application that `serve.yaml` names."""

    class Ingress:
        pass

    return serve.deployment(name="ingress")(serve.ingress(build)(Ingress)).bind()
