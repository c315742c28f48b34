"""Asks a service over gRPC by a client of others: run in an environment of theirs.

`python grpc_clients.py triton 127.0.0.1:9000 default '{"x-api-key": "…"}'` prints what it got; so
does `kserve`. One process has one of them: both register the messages of the protocol.
"""

# pyright: basic, reportMissingImports=false

import asyncio
import json
import queue
import sys
from typing import Any

TEXTS = ["Das ist ein schöner Tag", "the house on the hill"]
Headers = dict[str, str]


def by_triton(address: str, headers: Headers) -> dict[str, Any]:
    import numpy as np
    import tritonclient.grpc as triton

    def texts(*several: str) -> Any:
        given = triton.InferInput("text", [len(several)], "BYTES")
        given.set_data_from_numpy(np.array(several, dtype=object))
        return given

    def refusal(call: Any) -> list[str]:
        try:
            call()
        except triton.InferenceServerException as error:
            return [error.status(), error.message()]
        return []

    client = triton.InferenceServerClient(address)
    application = {"application": headers["application"]}
    model = client.get_model_metadata("language", headers=headers, as_json=True)
    names = [one["name"] for one in model["outputs"]]
    wanted = [triton.InferRequestedOutput(name) for name in names]
    answer = client.infer(
        "language", [texts(*TEXTS)], outputs=wanted, headers=headers, request_id="1"
    )
    wrong = triton.InferInput("txt", [1], "BYTES")
    wrong.set_data_from_numpy(np.array(["x"], dtype=object))

    pieces: queue.Queue[Any] = queue.Queue()
    client.start_stream(lambda result, error: pieces.put((result, error)), headers=headers)
    ended = []
    for text in TEXTS:
        client.async_stream_infer(
            "language", [texts(text)], request_id=text, enable_empty_final_response=True
        )
    client.async_stream_infer("language", [wrong], request_id="wrong")
    while len(ended) < len(TEXTS) + 1:
        result, error = pieces.get(timeout=30)
        if error is not None:
            ended.append(str(error))
            continue
        response = result.get_response()
        if response.parameters["triton_final_response"].bool_param:
            ended.append(response.id)
        else:
            last = [response.id, *map(bytes.decode, result.as_numpy("language"))]
    client.stop_stream()
    found = {
        "ready": [
            client.is_server_live(headers=application),
            client.is_server_ready(headers=application),
            client.is_model_ready("language", headers=headers),
        ],
        "server": client.get_server_metadata(headers=application, as_json=True),
        "model": model,
        "id": answer.get_response().id,
        "languages": [one.decode() for one in answer.as_numpy("language")],
        "scores": answer.as_numpy("score").tolist(),
        "candidates": [json.loads(one) for one in answer.as_numpy("candidates")],
        "last": last,
        "ended": ended,
        "refused": refusal(lambda: client.infer("language", [wrong], headers=headers)),
        "anonymous": refusal(lambda: client.infer("language", [texts("x")], headers=application)),
        "unknown": refusal(lambda: client.is_model_ready("nothing", headers=headers)),
        "not offered": refusal(lambda: client.get_model_repository_index(headers=headers)),
    }
    client.close()
    return found


async def by_kserve(address: str, headers: Headers) -> dict[str, Any]:
    from kserve import InferenceGRPCClient, InferInput, InferRequest

    metadata = [*headers.items()]
    async with InferenceGRPCClient(address) as client:
        ready = [
            await client.is_server_live(headers=metadata),
            await client.is_server_ready(headers=metadata),
            await client.is_model_ready("language", headers=metadata),
        ]
        given = InferInput("text", [len(TEXTS)], "BYTES", data=TEXTS)
        asked = InferRequest(model_name="language", infer_inputs=[given])
        answer = await client.infer(asked, headers=metadata)
    by_name = {one.name: one for one in answer.outputs}
    return {
        "ready": ready,
        "languages": [bytes(one).decode() for one in by_name["language"].as_numpy().tolist()],
        "scores": by_name["score"].as_numpy().tolist(),
    }


if __name__ == "__main__":
    client, address, application, headers = sys.argv[1:]
    known = json.loads(headers)
    metadata = {name.lower(): text for name, text in known.items()} | {"application": application}
    found = (
        by_triton(address, metadata)
        if client == "triton"
        else asyncio.run(by_kserve(address, metadata))
    )
    sys.stdout.write(json.dumps(found))
