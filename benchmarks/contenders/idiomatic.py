"""FastAPI as people write it: a route for each path, the model in the process that answers.

`uvicorn --factory benchmarks.contenders.idiomatic:app --no-access-log`, a process a worker, as in
fastapi.tiangolo.com/deployment/server-workers/
"""

from collections.abc import AsyncIterator

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.sse import EventSourceResponse, ServerSentEvent
from my_service.contracts.language import Query

from benchmarks.contenders.model import Model, loaded_model
from benchmarks.contenders.schemas import BatchOut, DetectionOut, ItemsIn, TextIn, answer


def app() -> FastAPI:
    """The routes around the sample model."""
    return around(loaded_model())


def around(model: Model) -> FastAPI:
    """The routes around a model. It answers sooner than a thread is handed the text."""
    api = FastAPI()

    @api.post("/v1/detect")
    async def detect(body: TextIn) -> DetectionOut:
        [found] = model.predict([Query(body.text)])
        return answer(found)

    @api.post("/v1/detect/batch")
    async def detect_batch(body: ItemsIn) -> BatchOut:
        found = model.predict([Query(text) for text in body.texts])
        return BatchOut(results=[answer(one) for one in found])

    @api.post("/v1/detect/stream", response_class=EventSourceResponse)
    async def detect_stream(body: TextIn) -> AsyncIterator[ServerSentEvent]:
        for found in model.stream(Query(body.text)):
            yield ServerSentEvent(event="prediction", data=answer(found))
        yield ServerSentEvent(event="done", data={})

    @api.websocket("/v1/detect/ws")
    async def detect_socket(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                body = TextIn.model_validate_json(await socket.receive_text())
                value = None
                for found in model.stream(Query(body.text)):
                    value = answer(found).model_dump()
                    await socket.send_json({"type": "prediction", "value": value})
                await socket.send_json({"type": "done", "value": value})
        except WebSocketDisconnect:
            return

    return api
