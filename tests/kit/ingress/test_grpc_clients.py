"""The transport `grpc` over Ray Serve, asked by the clients of Triton and of KServe."""

from pathlib import Path

import pytest

from servekit.testing.cluster import INLINE, Cluster

from acme_service import NAME, VERSION

from tests.protocol_clients import run_client

pytestmark = pytest.mark.serve

SCRIPT = Path(__file__).with_name("grpc_clients.py")
PLACEMENTS = pytest.mark.parametrize(
    "application", ["default", pytest.param("inline", marks=INLINE)]
)


@PLACEMENTS
def test_tritons_client_is_answered(cluster: Cluster, application: str) -> None:
    said = run_client(SCRIPT, "triton", f"127.0.0.1:{cluster.grpc_port}", application)
    assert said["ready"] == [True, True, True]
    assert said["server"] == {"name": NAME, "version": VERSION}
    assert said["model"]["versions"] == ["1"]
    assert {one["name"]: one["datatype"] for one in said["model"]["outputs"]} == {
        "language": "BYTES",
        "score": "FP64",
        "candidates": "BYTES",
    }
    assert (said["id"], said["languages"]) == ("1", ["de", "en"])
    assert said["candidates"][0][0]["language"] == "de"
    assert said["last"] == ["the house on the hill", "en"]
    first, second, wrong = said["ended"]
    assert (first, second) == ("Das ist ein schöner Tag", "the house on the hill")
    assert "Unknown tensor 'txt': the language model takes text" in wrong
    status, reason = said["refused"]
    assert status == "StatusCode.INVALID_ARGUMENT"
    assert reason.startswith("Unknown tensor 'txt': the language model takes text")
    assert said["anonymous"][0] == "StatusCode.UNAUTHENTICATED"
    assert said["unknown"][0] == "StatusCode.NOT_FOUND"
    assert said["not offered"][0] == "StatusCode.UNIMPLEMENTED"


@PLACEMENTS
def test_kserves_client_is_answered(cluster: Cluster, application: str) -> None:
    said = run_client(SCRIPT, "kserve", f"127.0.0.1:{cluster.grpc_port}", application)
    assert said["ready"] == [True, True, True]
    assert said["languages"] == ["de", "en"]
    assert said["scores"][0] > 0.5
