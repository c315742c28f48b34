"""The same service on LitServe, as its documentation writes it: requests batched.

`python -m benchmarks.contenders.lit`: an HTTP server a process, and for each path an inference
worker a process; only those of the path that is asked have work, as in
lightning.ai/docs/litserve/features/batching and
lightning.ai/docs/litserve/features/multiple-apis-single-port

Measured with 32 connections: single requests, async methods, batches of 8 and 32 at once, and of 32
within 1 and 5 ms; with two processes also one to three HTTP servers. Batches of 32 at once were
the fastest with one process; with two, single requests and batches within 1 ms, in a near tie.
"""

import os
import signal

import litserve as ls
from my_service.contracts.language import Detection, Query

from benchmarks.contenders.model import loaded_model
from benchmarks.contenders.schemas import BatchOut, DetectionOut, ItemsIn, TextIn


def answer(found: Detection) -> dict:
    """What the HTTP server checks against DetectionOut; a dict is the quicker to hand over."""
    return {
        "language": found.language,
        "score": found.score,
        "candidates": found.candidates,
    }


class Detector(ls.LitAPI):
    def setup(self, _device: str) -> None:
        self.model = loaded_model()

    def predict(self, x: list[str]) -> list[Detection]:
        return self.model.predict([Query(text) for text in x])


class Detect(Detector):
    """Its `predict` gets the texts of all requests that wait."""

    def decode_request(self, request: TextIn) -> str:
        return request.text

    def encode_response(self, output: Detection) -> DetectionOut:
        return answer(output)


class DetectBatch(Detector):
    def decode_request(self, request: ItemsIn) -> list[str]:
        return request.texts

    def encode_response(self, output: list[Detection]) -> BatchOut:
        return {"results": [answer(found) for found in output]}


def main() -> None:
    processes = int(os.environ.get("PROCESSES", "1"))
    # Workers that never wait ask the one queue all the time, and two of them hold each other up.
    batching = {"max_batch_size": 32, "batch_timeout": 0.0 if processes == 1 else 0.001}
    apis = [Detect(api_path="/v1/detect", **batching), DetectBatch(api_path="/v1/detect/batch")]
    server = ls.LitServer(apis, accelerator="cpu", workers_per_device=processes)
    # It ends its workers on Ctrl-C alone, so a request to terminate is made one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server.run(
        host="127.0.0.1",
        port=int(os.environ.get("PORT", "8000")),
        num_api_servers=processes,
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )


if __name__ == "__main__":
    main()
