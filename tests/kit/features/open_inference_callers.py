"""Asks a service by clients of others: run in an environment of theirs.

`python open_inference_callers.py http://127.0.0.1:8000 '{"x-api-key": "…"}'` prints what they got.
"""

# pyright: basic, reportMissingImports=false

import asyncio
import json
import sys
from typing import Any

import numpy as np
import tritonclient.http as triton
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from tritonclient.utils import InferenceServerException

TEXTS = ["Das ist ein schöner Tag", "the house on the hill"]
Headers = dict[str, str]


def by_triton(url: str, headers: Headers) -> dict[str, Any]:
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    found: dict[str, Any] = {
        "ready": [
            client.is_server_live(),
            client.is_server_ready(),
            client.is_model_ready("language", headers=headers),
            not client.is_model_ready("nothing", headers=headers),
        ],
        "server": client.get_server_metadata(),
        "model": client.get_model_metadata("language", headers=headers),
        "answers": [],
    }
    for binary in (True, False):
        given = triton.InferInput("text", [len(TEXTS)], "BYTES")
        given.set_data_from_numpy(np.array(TEXTS, dtype=object), binary_data=binary)
        wanted = [
            triton.InferRequestedOutput(name, binary_data=binary)
            for name in ("language", "score", "candidates")
        ]
        # It writes its own header into the dictionary.
        answer = client.infer(
            "language", [given], outputs=wanted, headers={**headers}, request_id="1"
        )
        found["answers"].append(
            {
                "id": answer.get_response()["id"],
                "languages": texts(answer.as_numpy("language")),
                "scores": answer.as_numpy("score").tolist(),
                "candidates": [json.loads(one) for one in answer.as_numpy("candidates")],
            }
        )
    wrong = triton.InferInput("txt", [1], "BYTES")
    wrong.set_data_from_numpy(np.array(["x"], dtype=object))
    found["refused"] = refusal(client, wrong, headers)
    found["anonymous"] = refusal(client, wrong, {})
    client.close()
    return found


def refusal(client: Any, given: Any, headers: Headers) -> list[str]:
    try:
        client.infer("language", [given], headers={**headers})
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return []


def texts(values: Any) -> list[str]:
    return [one.decode() if isinstance(one, bytes) else one for one in values]


async def by_kserve(url: str, headers: Headers) -> dict[str, Any]:
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        ready = [
            await client.is_server_live(url),
            await client.is_server_ready(url),
            await client.is_model_ready(url, "language", headers=headers),
        ]
        given = InferInput("text", [len(TEXTS)], "BYTES", data=TEXTS)
        asked = InferRequest(model_name="language", infer_inputs=[given])
        answer = await client.infer(url, asked, model_name="language", headers={**headers})
    by_name = {one.name: one for one in answer.outputs}
    return {
        "ready": ready,
        "languages": texts(by_name["language"].as_numpy().tolist()),
        "scores": by_name["score"].as_numpy().tolist(),
    }


if __name__ == "__main__":
    url, headers = sys.argv[1], json.loads(sys.argv[2])
    found = {"triton": by_triton(url, headers), "kserve": asyncio.run(by_kserve(url, headers))}
    sys.stdout.write(json.dumps(found))
