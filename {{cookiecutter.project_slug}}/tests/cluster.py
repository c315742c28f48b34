"""A Ray Serve of the tests' own: started by the real launcher, stopped as a user would."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from . import language_packs
from .configurations import own
from .processes import environment, free_port, start
from .versions import STORE, publish_copy

START_TIMEOUT_S = 300
STOP_TIMEOUT_S = 60

SMALL = {"num_cpus": 0.05}
"""As in the tests' `serve.yaml`."""

CANARY_FRACTION = "0.9"
"""Above where the tests stand, should the service ask who they are."""

WITHOUT_API = {"chunks", "packs"}
"""Applications that have no routes to say how they are."""

ORIGIN = "https://page.example"
"""The pages of which may ask /streaming."""

IMPATIENT = {
    "GATHER_TIMEOUT_S": "2",
    "GATHER_MAX_WAITING": "4",
    "GATHER_MAX_IN_FLIGHT": "2",
}


@dataclass(frozen=True)
class Cluster:
    """url: of the service; other applications stand below it: /inline, /stuck, /busy, /swapping,
        /canary, /packs, /streaming, /chunks, and those that features have for themselves. Those
        are there that the selected tests ask for.
    grpc_port: where it answers gRPC, if it does.
    fallback_port: where HAProxy has gRPC answered while it knows of no replica.
    notes: the file in which the stuck model notes what happens to it.
    store: the models of /swapping, to be promoted and spoiled.
    canary_store: the models of /canary: 1 is the champion, 2 the challenger, and 3 fails its
        own examples.
    examples: the files that a how-to shows.
    log: what the launcher and all replicas print.
    config: what the launcher was told; what changes there is applied.
    """

    url: str
    grpc_port: int
    fallback_port: int
    notes: Path
    store: Path
    canary_store: Path
    examples: Path
    log: Path
    config: Path


Asks = Callable[[str], bool]
"""Whether an application, by its name, has to be there."""
UrlOf = Callable[[str], str]
"""What the fixture `url_of` gives."""

INLINE = pytest.mark.application("inline")


@contextmanager
def running_cluster(scratch: Path, asks: Asks) -> Iterator[Cluster]:
    url = f"http://127.0.0.1:{free_port()}"
    names = ("notes", "store", "canary", "examples", "log", "serve.yaml")
    cluster = Cluster(url, free_port(), free_port(), *(scratch / name for name in names))
    shutil.copytree(STORE, cluster.store)
    fill(cluster.canary_store)
    language_packs.write_files(cluster.examples)
    cluster.config.write_text(yaml.safe_dump(configuration(cluster, asks)), encoding="utf-8")
    cluster.notes.touch()
    with cluster.log.open("w") as log:
        command = ["-m", "acme_service.ingress.launch"]
        told = ["--config", str(cluster.config)]
        settings = {
            "PYTHONPATH": f"{environment()['PYTHONPATH']}{os.pathsep}{cluster.examples}",
            "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(cluster.fallback_port),
        }
        launcher = start(*command, *told, settings=settings, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until_serving(cluster, launcher)
        yield cluster
    finally:
        launcher.send_signal(signal.SIGTERM)
        launcher.wait(STOP_TIMEOUT_S)
    # Not in `finally`: it must not hide why a test failed.
    assert "service stopping" in cluster.log.read_text(), "The lifespan did not end."


def configuration(cluster: Cluster, asks: Asks) -> dict[str, Any]:
    """The tests' `serve.yaml`, with the other applications that are asked for."""
    config = own()
    config["http_options"]["port"] = int(cluster.url.rpartition(":")[2])
    if "grpc_options" in config:
        config["grpc_options"]["port"] = cluster.grpc_port
    [service] = config["applications"]
    sizes = {one["name"]: one for one in service["deployments"]}
    inline = service | {
        "name": "inline",
        "route_prefix": "/inline",
        "args": {"placement": "inline"},
        "deployments": [sizes["ingress"]],
    }
    stuck = misbehaving("stuck", [sizes["ingress"], model_size(100)])
    stuck["args"] = {"notes": str(cluster.notes)}
    busy = misbehaving("busy", [sizes["ingress"], model_size(1)])
    swapping = service | {
        "name": "swapping",
        "route_prefix": "/swapping",
        "runtime_env": {
            "env_vars": {"MODEL_STORE": cluster.store.as_uri(), "MODEL_REFRESH_S": "0.2"}
        },
    }
    further = [with_replicas(inline | one) for one in of_features()]
    packs = language_packs.application()
    others = [
        inline,
        stuck,
        busy,
        swapping,
        canary(cluster, inline),
        packs,
        *streaming(),
        *further,
    ]
    config["applications"] = [service, *(one for one in others if asks(one["name"]))]
    return config


def canary(cluster: Cluster, service: dict[str, Any]) -> dict[str, Any]:
    variables = {
        "CANARY_FRACTION": CANARY_FRACTION,
        "MODEL_STORE": cluster.canary_store.as_uri(),
        "MODEL_REFRESH_S": "1",
    }
    of_its_own = {"name": "canary", "route_prefix": "/canary"}
    return service | of_its_own | {"runtime_env": {"env_vars": variables}}


def streaming() -> Iterator[dict[str, Any]]:
    """The applications from `tests/streaming.py`."""
    cors = {"env_vars": {"API_CORS_ORIGINS": ORIGIN}}
    for name, deployment in {"streaming": "routes", "chunks": "call"}.items():
        yield {
            "name": name,
            "route_prefix": f"/{name}",
            "import_path": f"tests.streaming:{deployment}",
            "runtime_env": cors,
            "deployments": [{"name": deployment, "ray_actor_options": SMALL}],
        }


def fill(store: Path) -> None:
    shutil.copytree(STORE, store)
    aliases = json.dumps({"champion": "1", "challenger": "2"})
    (store / "language/aliases.json").write_text(aliases, encoding="utf-8")
    wrong = [{"text": "Das ist ein Wald.", "language": "fr"}]
    publish_copy(store, "3", of="2", examples=json.dumps(wrong).encode())


def of_features() -> Iterator[dict[str, Any]]:
    """What `<feature>_application.py` says that a feature needs, beside the usual service."""
    for path in sorted(Path(__file__).parent.glob("features/*_application.py")):
        module = import_module(f"{__package__}.features.{path.stem}")
        name = module.NAME
        variables = {"env_vars": module.SETTINGS}
        yield {
            "name": name,
            "route_prefix": f"/{name}",
            "runtime_env": variables,
            "replicas": getattr(module, "REPLICAS", 1),
        }


def with_replicas(application: dict[str, Any]) -> dict[str, Any]:
    """`replicas` is our own word: so many of the ingress."""
    replicas = application.pop("replicas")
    [ingress] = application["deployments"]
    return application | {"deployments": [ingress | {"num_replicas": replicas}]}


def misbehaving(name: str, deployments: list[dict[str, Any]]) -> dict[str, Any]:
    """An application from `tests/misbehaving.py`."""
    return {
        "name": name,
        "route_prefix": f"/{name}",
        "import_path": f"tests.misbehaving:{name}",
        "runtime_env": {"env_vars": IMPATIENT},
        "args": {},
        "deployments": deployments,
    }


def model_size(max_ongoing_requests: int) -> dict[str, Any]:
    return {
        "name": "model",
        "max_ongoing_requests": max_ongoing_requests,
        "max_queued_requests": 4,
        "graceful_shutdown_timeout_s": 1,
        "ray_actor_options": SMALL,
    }


def wait_until_serving(cluster: Cluster, launcher: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and launcher.poll() is None:
        if "Serving on" in cluster.log.read_text() and all_answer(cluster):
            return
        time.sleep(0.2)
    raise AssertionError(f"The service did not start:\n{cluster.log.read_text()[-8000:]}")


def urls(cluster: Cluster) -> list[str]:
    """Where its applications are."""
    config = yaml.safe_load(cluster.config.read_text(encoding="utf-8"))
    return [cluster.url + one["route_prefix"].rstrip("/") for one in config["applications"]]


def all_answer(cluster: Cluster) -> bool:
    # The proxy learns of the applications a moment after Serve calls them running.
    try:
        return all(
            httpx2.get(f"{url}/health/live").is_success
            for url in urls(cluster)
            if url.removeprefix(f"{cluster.url}/") not in WITHOUT_API
        )
    except httpx2.HTTPError:
        return False
