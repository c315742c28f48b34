"""Calls over gRPC beside requests over HTTP, to one service, by one program.

wrk speaks no HTTP/2, and a caller written in Python is slower than the service; h2load speaks both.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from . import HOST, loads
from .configurations import configuration
from .environments import FOLDER, PreparationError, render, run, variables
from .plan import MAIN
from .results import Spread
from .services import serving

ROUNDS = 3
SECONDS = 4
WARM_S = 2
PLACEMENTS = ("separate", "inline")
GRPC = "my-service-grpc"
GRPC_PORT = 9000
METHOD = "inference.GRPCInferenceService/ModelInfer"

CHECK = """
import sys, grpc
from servekit.ingress.grpc.protos.inference_pb2 import ModelInferRequest
from servekit.ingress.grpc.protos.inference_pb2_grpc import GRPCInferenceServiceStub
text = sys.argv[1].encode()
request = ModelInferRequest(model_name="language")
request.inputs.add(name="text", datatype="BYTES", shape=[1])
request.raw_input_contents.append(len(text).to_bytes(4, "little") + text)
with grpc.insecure_channel(sys.argv[2]) as channel:
    answer = GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=10)
    assert [one.name for one in answer.outputs] == ["language", "score", "candidates"], answer
    assert answer.raw_output_contents[0][4:] == sys.argv[3].encode(), answer
message = request.SerializeToString()
sys.stdout.buffer.write(bytes(1) + len(message).to_bytes(4, "big") + message)
"""
"""Asks as Triton's client does, and prints the request as it travels."""

SAID = re.compile(r"finished in [\d.]+s, ([\d.]+) req/s")
GOOD = re.compile(r" 0 failed, 0 errored, 0 timeout\n.* 0 3xx, 0 4xx, 0 5xx\n")

WHY = "The goal, as many as over HTTP, is missed: [why](../docs/explanation/performance.md#grpc)."

Found = dict[tuple[str, str], list[float]]
"""Answers a second, a round each, by placement and way of asking."""


@dataclass(frozen=True)
class Way:
    """One way of asking, as h2load is told it."""

    name: str
    title: str
    options: Sequence[str]


def ways(frame: Path, body: Path) -> list[Way]:
    call = ["-H", "content-type: application/grpc", "-H", "te: trailers", "-d", str(frame)]
    call.append(f"http://{HOST}:{GRPC_PORT}/{METHOD}")
    request = ["--h1", "-H", "content-type: application/json", "-d", str(body)]
    request.append(f"{loads.URL}/v1/detect")
    many, one = ["-c", str(MAIN), "-m", "1"], ["-c", "1", "-m", str(MAIN)]
    return [
        Way("http", f"HTTP/1.1, {MAIN} connections", [*many, *request]),
        Way("grpc", f"gRPC, {MAIN} connections", [*many, *call]),
        Way("grpc-one", f"gRPC, {MAIN} calls over one connection", [*one, *call]),
    ]


def measure_calls() -> Found:
    """Raises PreparationError when there is no h2load."""
    if not shutil.which("h2load"):
        raise PreparationError("h2load is needed: install nghttp2-client.")
    folder = FOLDER / GRPC
    render({"grpc"}, folder)
    run("make", "setup", f"VENV={folder}-env", folder=folder)
    found: Found = {}
    for number in range(ROUNDS):
        for placement in PLACEMENTS:
            for way, rate in visit(folder, placement, number):
                found.setdefault((placement, way.name), []).append(rate)
                print(f"{number + 1}  {placement:9} {way.name:9} {rate:.0f}/s", flush=True)
    return found


def visit(folder: Path, placement: str, number: int) -> Iterator[tuple[Way, float]]:
    """Every way of asking one service, the first one another in every round."""
    python = f"{folder}-env/bin/python"
    config = str(configuration(placement, 1, folder))
    command = [python, "-m", "my_service", "serve", "--config", config]
    environment = variables(project=folder)
    with serving(command, folder, environment, FOLDER / f"grpc-{placement}.log", loads.is_up):
        frame, body = FOLDER / "frame.bin", FOLDER / "body.json"
        check = [python, "-c", CHECK, loads.TEXT, f"{HOST}:{GRPC_PORT}", loads.LANGUAGE]
        frame.write_bytes(subprocess.check_output(check, env=environment))
        body.write_text(json.dumps({"text": loads.TEXT}), encoding="utf-8")
        asked = ways(frame, body)
        turn = number % len(asked)
        for way in asked[turn:] + asked[:turn]:
            rate_of(way, WARM_S)
            yield way, rate_of(way, SECONDS)
        # Over gRPC a failure has the status 200 too: that it still answers is asked apart.
        subprocess.run(check, env=environment, check=True, stdout=subprocess.DEVNULL)


def rate_of(way: Way, seconds: int) -> float:
    """Raises LoadError when anything failed."""
    command = ["h2load", "-t", "1", "-D", str(seconds), *way.options]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = SAID.search(said)
    if not rate or not GOOD.search(said):
        raise loads.LoadError(f"{way.name}: h2load says\n{said}")
    return float(rate[1])


def text(found: Found) -> str:
    """A section of the report."""
    titles = {way.name: way.title for way in ways(Path(), Path())}
    lines = [
        "## Calls over gRPC beside requests over HTTP",
        "",
        f"One service with `grpc` alone, {MAIN} at a time by h2load, medians of {ROUNDS} rounds of "
        f"{SECONDS} seconds; to HTTP, round by round.",
        "",
        "| | placement | answers/s | to HTTP |",
        "| --- | --- | ---: | ---: |",
    ]
    for (placement, way), rates in sorted(
        found.items(), key=lambda one: PLACEMENTS.index(one[0][0])
    ):
        ratio = Spread.of(
            rate / other for rate, other in zip(rates, found[placement, "http"], strict=True)
        )
        share = (
            ""
            if way == "http" or not ratio
            else (f"**{ratio.middle:.2f}** ({ratio.least:.2f}–{ratio.most:.2f})")
        )
        lines.append(f"| {titles[way]} | {placement} | {median(rates):,.0f} | {share} |")
    missed = any(
        median(rates) < median(found[placement, "http"]) for (placement, _), rates in found.items()
    )
    return "\n".join([*lines, *(["", WHY] if missed else []), ""])
