"""How many times as many requests a second the service answers as Ray's documented pattern.

Both run here, one after the other, several rounds, on the same model and the same request:
`python -m benchmarks.against_documentation`. Needs wrk and a free port 8000.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "{{cookiecutter.project_slug}}"
PROGRAMS = Path(sys.executable).parent
URL = "http://127.0.0.1:8000/v1/detect"
BODY = {"text": "Das ist ein schöner Tag, und wir gehen heute im Wald spazieren."}
FLOOR = 8.0
"""The least ratio, at 32 connections, that this project calls fast."""

SCRIPT = f"""
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{json.dumps(BODY)}]]
"""

OURS = [str(PROGRAMS / "python"), "-m", "acme_service.ingress.launch"]
DOCUMENTED = [str(PROGRAMS / "serve"), "run", "benchmarks.documented:app"]


@contextmanager
def serving(command: Sequence[str], folder: Path, settings: Mapping[str, str]) -> Iterator[None]:
    """A service that answers on port 8000, and is gone afterwards."""
    if answer() is not None:
        sys.exit("Something answers on port 8000 already: stop it first.")
    paths = f"{TEMPLATE / 'src'}{os.pathsep}{ROOT}"
    environment = os.environ | {
        "PYTHONPATH": paths,
        "MODEL_STORE": f"file://{TEMPLATE}/model_store",
    }
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=folder, env=environment | settings, **quiet)
    try:
        deadline = time.monotonic() + 180
        while (found := answer()) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{' '.join(command)} did not start.")
            time.sleep(0.5)
        if found["language"] != "de":
            sys.exit(f"{' '.join(command)} gives a wrong answer.")
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(120)


def answer() -> dict[str, object] | None:
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(URL, json.dumps(BODY).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.load(response)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def report(connections: int, seconds: int, script: Path) -> str:
    """What wrk says of a load of so many connections."""
    load = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=30s", "-s", str(script)]
    return subprocess.run([*load, URL], capture_output=True, text=True, check=True).stdout


def requests_per_second(connections: int, seconds: int, script: Path) -> float:
    said = report(connections, seconds, script)
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"Requests failed, so the run counts for nothing:\n{said}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("This needs wrk: install the package of that name.")

    script = ROOT / "build" / "post.lua"
    script.parent.mkdir(exist_ok=True)
    script.write_text(SCRIPT, encoding="utf-8")
    contenders = {
        "ours": (OURS, TEMPLATE, {"PYTHONPYCACHEPREFIX": str(ROOT / "build" / "bytecode")}),
        "documented": (DOCUMENTED, ROOT, {"RAY_USAGE_STATS_ENABLED": "0"}),
    }
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(options.rounds):
        for name, (command, folder, settings) in contenders.items():
            with serving(command, folder, settings):
                report(options.connections, 5, script)  # warms up, and counts for nothing
                rate = requests_per_second(options.connections, options.seconds, script)
            found[name].append(rate)
            print(f"{name:12} {rate:8.0f} requests/s   load {os.getloadavg()[0]:.1f}", flush=True)

    ratio = median(found["ours"]) / median(found["documented"])
    print(f"ratio of medians {ratio:.1f}, floor {FLOOR}")
    sys.exit(ratio < FLOOR)


if __name__ == "__main__":
    main()
