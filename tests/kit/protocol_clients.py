"""Runs clients of the Open Inference Protocol that are not ours, in an environment of their own."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from servekit.commands.packages import find_uv
from servekit.testing.authenticated_client import HEADERS

REQUIREMENTS = Path(__file__).with_suffix(".txt")


def run_client(script: Path, *arguments: str) -> dict[str, Any]:
    """Return what a script with clients prints, which is told the credentials of the tests."""
    # Isolated from what PYTHONPATH says of the project.
    done = subprocess.run(
        [python(), "-I", script, *arguments, json.dumps(HEADERS)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def python() -> Path:
    """Of the clients' environment: they bound packages that the service has, too."""
    environment = Path(sys.prefix).with_name("protocol-clients")
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
