"""The loads that every contender gets, and what came of them.

wrk drives requests and streams, with one thread; WebSockets are driven from here.
"""

import asyncio
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from . import HOST, PORT
from .contenders import BATCH, SINGLE, SOCKETS, STREAM

TEXT = "Das ist ein schöner Tag, und wir gehen heute im Wald spazieren."
BATCH_SIZE = 100
BATCH_TEXTS = [f"{TEXT} Es ist schon {number} Uhr." for number in range(BATCH_SIZE)]
ITEMS = [{"text": text} for text in BATCH_TEXTS]
LANGUAGE = "de"
URL = f"http://{HOST}:{PORT}"
TIMEOUT_S = 30


class LoadError(Exception):
    """The load could not be put on the service."""


@dataclass(frozen=True)
class Load:
    """So many connections, each of which asks again as soon as it has its answer.

    right: a condition in Lua that the `body` and `headers` of every right answer meet.
    headers: beside that of the content.
    texts: how many different texts are asked in turn; 0: every text is a new one. NUMBER in the
        body tells them apart.
    """

    kind: str
    connections: int
    path: str
    body: Any
    right: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    texts: int = 1

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.connections}"


@dataclass(frozen=True)
class Outcome:
    """Latencies are of whole answers: of a stream, until its last event."""

    requests: int
    seconds: float
    failed: int
    p50_s: float
    p99_s: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


WINNER = f'"language": *"{LANGUAGE}", *"score": *[%d.e-]+, *"candidates"'


def single(connections: int) -> Load:
    right = f"string.find(body, [[{WINNER}]])"
    return Load(SINGLE, connections, "/v1/detect", {"text": TEXT}, right)


def batch(connections: int) -> Load:
    right = f"select(2, string.gsub(body, [[{WINNER}]], '')) == {BATCH_SIZE}"
    return Load(BATCH, connections, "/v1/detect/batch", {"items": ITEMS}, right)


def stream(connections: int) -> Load:
    right = f"string.find(body, [[event: prediction%s+data: {{{WINNER}]])"
    return Load(STREAM, connections, "/v1/detect/stream", {"text": TEXT}, right)


def sockets(connections: int) -> Load:
    return Load(SOCKETS, connections, "/v1/detect/ws", {"text": TEXT})


NUMBER = "#"
"""In a body, what becomes the number of the text."""

NUMBERED = """\
-- Where new texts begin: other ones than in every run before.
local texts, number = {texts}, os.time() * 1000000
local before, after = string.match(wrk.body, "(.*)#(.*)")
function request()
   number = number + 1
   local text = texts > 0 and number % texts or number
   return wrk.format(nil, nil, nil, before .. string.format("%d", text) .. after)
end
"""

WRK = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
{headers}
wrk.body = [==[{body}]==]
{numbered}
wrong = 0
local known
function response(status, headers, body)
   -- An answer equal to one found right is right: to look through each again would take more of
   -- the processor than some of the services do.
   if status == 200 and body == known then return end
   if status == 200 and ({right}) then known = body else wrong = wrong + 1 end
end

local threads = {{}}
function setup(thread) table.insert(threads, thread) end

function done(summary, latency, requests)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.timeout
   for _, thread in ipairs(threads) do failed = failed + thread:get("wrong") end
   print(string.format(
      '{{"requests": %d, "seconds": %f, "failed": %d, "p50_s": %f, "p99_s": %f}}',
      summary.requests, summary.duration / 1e6, failed,
      latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
"""


def run(load: Load, seconds: int, scratch: Path) -> Outcome:
    """Put the load on the service for so many seconds."""
    if load.kind == SOCKETS:
        return asyncio.run(run_sockets(load, seconds))
    script = scratch / f"{load.name}.lua"
    body = json.dumps(load.body, ensure_ascii=False)
    headers = "\n".join(f'wrk.headers["{name}"] = "{load.headers[name]}"' for name in load.headers)
    numbered = NUMBERED.format(texts=load.texts) if NUMBER in body else ""
    source = WRK.format(body=body, right=load.right, headers=headers, numbered=numbered)
    script.write_text(source, encoding="utf-8")
    size = ["-t1", f"-c{load.connections}", f"-d{seconds}s", f"--timeout={TIMEOUT_S}s"]
    command = ["wrk", *size, "-s", str(script), URL + load.path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LoadError(f"wrk failed at {load.name}: {(done.stderr or done.stdout).strip()}")
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


async def run_sockets(load: Load, seconds: int) -> Outcome:
    """Each socket sends a text, reads answers until the last, and sends the next."""
    latencies: list[float] = []
    failed = 0
    began = time.perf_counter()

    async def talk() -> None:
        nonlocal failed
        async with connect(f"ws://{HOST}:{PORT}{load.path}") as socket:
            while (asked := time.perf_counter()) < began + seconds:
                await socket.send(json.dumps(load.body))
                answer: dict[str, Any] = {"type": "prediction"}
                while answer["type"] == "prediction":
                    answer = json.loads(await asyncio.wait_for(socket.recv(), TIMEOUT_S))
                failed += answer["type"] != "done" or answer["value"]["language"] != LANGUAGE
                latencies.append(time.perf_counter() - asked)

    ended = await asyncio.gather(*(talk() for _ in range(load.connections)), return_exceptions=True)
    failed += sum(isinstance(one, BaseException) for one in ended)
    return Outcome(
        requests=len(latencies),
        seconds=time.perf_counter() - began,
        failed=failed,
        p50_s=percentile(latencies, 50),
        p99_s=percentile(latencies, 99),
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent of the values do not exceed; 0 of none."""
    return sorted(values)[ceil(len(values) * percent / 100) - 1] if values else 0.0


def is_up() -> bool:
    """Whether the service says that it can answer."""
    try:
        with urllib.request.urlopen(f"{URL}/health/ready", timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def body(listed: bool = False) -> dict[str, Any]:
    """What a request for one answer has in it; listed: as a list of one text."""
    return {"texts": [TEXT]} if listed else {"text": TEXT}


def answers(listed: bool = False) -> bool:
    """Whether the service answers, and rightly."""
    request = urllib.request.Request(
        f"{URL}/v1/detect", json.dumps(body(listed)).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            answer = json.load(response)
            return (answer[0] if listed else answer)["language"] == LANGUAGE
    except (urllib.error.URLError, ConnectionError, TimeoutError, ValueError, LookupError):
        return False
