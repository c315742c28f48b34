"""The feature `open_inference` over Ray Serve, asked by the clients of Triton and of KServe."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from servekit.commands.packages import find_uv
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import INLINE

from acme_service import NAME, VERSION

pytestmark = pytest.mark.serve

HERE = Path(__file__).parent
REQUIREMENTS = HERE.parent / "open_inference_clients.txt"


@pytest.fixture(scope="session")
def python() -> Path:
    """Of an environment of the clients' own: they bound packages that the service has, too."""
    environment = Path(sys.prefix).with_name("open-inference-clients")
    stamp, python = environment / "stamp", environment / "bin/python"
    content = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != content:
        uv = find_uv(Path(sys.prefix))
        make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)]
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
        for command in (make, [*install, "--requirement", str(REQUIREMENTS)]):
            subprocess.run(command, check=True, timeout=600)
        stamp.write_text(content)
    return python


@pytest.mark.parametrize("prefix", ["", pytest.param("/inline", marks=INLINE)])
def test_clients_of_others_are_answered(prefix: str, service: str, python: Path) -> None:
    # Isolated from what PYTHONPATH says of the project.
    script = HERE / "open_inference_callers.py"
    done = subprocess.run(
        [python, "-I", script, service + prefix, json.dumps(HEADERS)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
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
