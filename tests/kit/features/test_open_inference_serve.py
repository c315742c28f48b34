"""The feature `open_inference` over Ray Serve, asked by the clients of Triton and of KServe."""

from pathlib import Path

import pytest

from servekit.testing.cluster import INLINE

from acme_service import NAME, VERSION

from tests.protocol_clients import run_client

pytestmark = pytest.mark.serve

SCRIPT = Path(__file__).with_name("open_inference_callers.py")


@pytest.mark.parametrize("prefix", ["", pytest.param("/inline", marks=INLINE)])
def test_clients_of_others_are_answered(prefix: str, service: str) -> None:
    said = run_client(SCRIPT, service + prefix)
    triton, kserve = said["triton"], said["kserve"]
    assert all([*triton["ready"], *kserve["ready"]])
    assert triton["server"]["name"] == NAME
    assert triton["server"]["version"] == VERSION
    assert {one["name"]: one["datatype"] for one in triton["model"]["outputs"]} == {
        "language": "BYTES",
        "score": "FP64",
        "candidates": "BYTES",
    }
    in_binary, in_json = triton["answers"]
    assert in_binary == in_json
    assert in_json["id"] == "1"
    assert in_json["languages"] == kserve["languages"] == ["de", "en"]
    assert in_json["scores"] == kserve["scores"]
    assert in_json["candidates"][0][0]["language"] == "de"
    assert triton["model"]["versions"] == ["1"]
    status, reason = triton["refused"]
    assert status == "422"
    assert reason.startswith("Unknown tensor 'txt': the language model takes text")
    assert triton["anonymous"][0] == "401"
    assert "decoding" not in triton["anonymous"][1]
