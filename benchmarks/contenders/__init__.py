"""What is measured: how each contender is started, in which environment, and what it can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

SINGLE, BATCH, STREAM, SOCKETS = "single", "batch", "stream", "sockets"


@dataclass(frozen=True)
class Contender:
    """A service that answers on port 8000.

    command: programs of its environment, run in the rendered project; `{config}` stands for a
        `serve.yaml` with as many replicas as asked for.
    environment: which of the virtual environments it runs in.
    placement: for `serve.yaml`, where there is one.
    application: in `serve.yaml`, instead of the project's own.
    listed: whether a request for one answer is a list of one text, and so is the answer.
    page: the page of its documentation that it follows.
    """

    name: str
    title: str
    command: tuple[str, ...]
    environment: str = "project"
    settings: Mapping[str, str] = field(default_factory=dict)
    placement: str = ""
    application: str = ""
    loads: tuple[str, ...] = (SINGLE, BATCH)
    listed: bool = False
    page: str = ""

    def arguments(self, programs: Path, config: Path, processes: int) -> list[str]:
        places = {"config": config, "processes": processes}
        program, *rest = (part.format(**places) for part in self.command)
        return [str(programs / program), *rest]


LAUNCH = ("python", "-m", "my_service", "serve", "--config", "{config}")
UVICORN = ("uvicorn", "--workers={processes}", "--no-access-log", "--log-level=warning")
QUIET = {"API_LOG_LEVEL": "WARNING"}
"""Without the line for each request, which is off in all others too."""

IDIOMATIC = Contender(
    "idiomatic",
    "FastAPI as people write it, on uvicorn",
    (*UVICORN, "--factory", "benchmarks.contenders.idiomatic:app"),
    loads=(SINGLE, BATCH, STREAM, SOCKETS),
    page="fastapi.tiangolo.com/deployment/server-workers/",
)
PLAIN = Contender(
    "plain",
    "our API on uvicorn",
    (*UVICORN, "benchmarks.contenders.plain:app"),
    settings=QUIET,
    loads=(SINGLE, BATCH, STREAM),
    page="fastapi.tiangolo.com/deployment/server-workers/",
)
PLAIN_SOCKETS = replace(
    PLAIN, name="plain-sockets", settings=QUIET | {"SOCKETS": "1"}, loads=(SOCKETS,)
)
DOCUMENTED = Contender(
    "documented",
    "Ray Serve as documented",
    ("serve", "run", "benchmarks.contenders.documented:app"),
    environment="ray",
    page="docs.ray.io/en/latest/serve/http-guide.html",
)
SEPARATE = Contender(
    "separate",
    "ours, separate",
    LAUNCH,
    placement="separate",
    settings=QUIET,
    loads=(SINGLE, BATCH, STREAM, SOCKETS),
)
INLINE = replace(SEPARATE, name="inline", title="ours, inline", placement="inline")
PYTHON_PROXY = replace(
    SEPARATE,
    name="python-proxy",
    title="ours, separate, Serve's Python proxy",
    settings=QUIET | {"PROXY": "python"},
    loads=(SINGLE, BATCH),
)
RAW = Contender(
    "raw",
    "bare ASGI in the same replica",
    LAUNCH,
    placement="inline",
    application="benchmarks.contenders.raw:app",
    loads=(SINGLE,),
)
BENTOML = Contender(
    "bentoml",
    "BentoML",
    ("bentoml", "serve", "benchmarks.contenders.bento:Detector"),
    environment="bentoml",
    settings={"BENTOML_DO_NOT_TRACK": "True"},
    page="docs.bentoml.com/en/latest/build-with-bentoml/services.html",
)
BENTOML_BATCHED = replace(
    BENTOML,
    command=("bentoml", "serve", "benchmarks.contenders.bento_batched:Detector"),
    listed=True,
    page="docs.bentoml.com/en/latest/get-started/adaptive-batching.html",
)
LITSERVE = Contender(
    "litserve",
    "LitServe",
    ("python", "-m", "benchmarks.contenders.lit"),
    environment="litserve",
    page="lightning.ai/docs/litserve/features/batching",
)

ALL = (IDIOMATIC, PLAIN, DOCUMENTED, BENTOML, LITSERVE, RAW, SEPARATE, INLINE, PYTHON_PROXY)
QUICK = (IDIOMATIC, DOCUMENTED, RAW, SEPARATE, INLINE)
