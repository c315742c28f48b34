"""A Ray Serve of the tests' own: started by the real launcher, stopped as a user would."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from .configurations import own
from .project import tested
from .subprocesses import environment, free_port, start

START_TIMEOUT_S = 900
"""Thirty replicas may have to start, and on a slow machine each takes ten seconds."""
STOP_TIMEOUT_S = 60

SMALL = {"num_cpus": 0.05}
"""As in the tests' `serve.yaml`."""


@dataclass(frozen=True)
class Cluster:
    """The service on Ray Serve, and beside it the applications that the selected tests ask for.

    Attributes:
        url: Of the service; the other applications are below it, as in /inline.
        grpc_port: Where it answers gRPC, if it does.
        fallback_port: Where HAProxy has gRPC answered while it knows of no replica.
        folder: For the files of the applications; a package in it can be imported by them.
        service: What `serve.yaml` says of the service.
    """

    url: str
    grpc_port: int
    fallback_port: int
    folder: Path
    service: dict[str, Any]

    @property
    def log(self) -> Path:
        """What the launcher and all replicas print."""
        return self.folder / "log"

    @property
    def config(self) -> Path:
        """What the launcher reads, and applies again when it changes."""
        return self.folder / "serve.yaml"

    def inline(self, name: str, replicas: int = 1, **variables: str) -> dict[str, Any]:
        """The service once more, placed inline, below a prefix, with settings of its own."""
        [ingress] = [one for one in self.service["deployments"] if one["name"] == "ingress"]
        return self.service | {
            "name": name,
            "route_prefix": f"/{name}",
            "args": {"placement": "inline"},
            "deployments": [ingress | {"num_replicas": replicas}],
            "runtime_env": {"env_vars": variables},
        }

    def replicated(self, name: str) -> dict[str, Any]:
        """The service once more, below a prefix, with two replicas of each deployment."""
        deployments = [one | {"num_replicas": 2} for one in self.service["deployments"]]
        return self.service | {
            "name": name,
            "route_prefix": f"/{name}",
            "deployments": deployments,
        }


Asks = Callable[[str], bool]
"""Whether an application, by its name, has to be there."""
UrlOf = Callable[[str], str]
"""What the fixture `url_of` gives."""

INLINE = pytest.mark.application("inline")
REPLICATED = pytest.mark.application("replicated")


@contextmanager
def running_cluster(scratch: Path, asks: Asks) -> Iterator[Cluster]:
    url = f"http://127.0.0.1:{free_port()}"
    config = own()
    [service] = config["applications"]
    cluster = Cluster(url, free_port(), free_port(), scratch, service)
    config["http_options"]["port"] = int(url.rpartition(":")[2])
    if "grpc_options" in config:
        config["grpc_options"]["port"] = cluster.grpc_port
    others = {one["name"]: one for one in applications(cluster) if asks(one["name"])}
    config["applications"] = [service, *others.values()]
    cluster.config.write_text(yaml.safe_dump(config), encoding="utf-8")
    with cluster.log.open("w") as log:
        command = ["-m", tested().package, "serve", "--config", str(cluster.config)]
        settings = {
            "PYTHONPATH": f"{environment()['PYTHONPATH']}{os.pathsep}{cluster.folder}",
            "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(cluster.fallback_port),
            "SERVE_START_TIMEOUT_S": str(START_TIMEOUT_S),
        }
        launcher = start(*command, settings=settings, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until_serving(cluster, launcher)
        yield cluster
    finally:
        launcher.send_signal(signal.SIGTERM)
        launcher.wait(STOP_TIMEOUT_S)
    # Not in `finally`: it must not hide why a test failed.
    assert "service stopping" in cluster.log.read_text(), "The lifespan did not end."


def applications(cluster: Cluster) -> Iterable[dict[str, Any]]:
    """The applications beside the service: inline, replicated, and those of the tests.

    Each module of `tests/applications/` gives some.

    Such a module has a function `applications(cluster)`, which also makes the files that they
    need, and may give another one of a name that is there; `WITHOUT_HEALTH` names those of them
    that have no /health/live.
    """
    yield cluster.inline("inline")
    yield cluster.replicated("replicated")
    for module in modules():
        yield from module.applications(cluster)


def modules() -> Iterator[Any]:
    for path in sorted((tested().folder / "tests/applications").glob("[!_]*.py")):
        yield import_module(f"tests.applications.{path.stem}")


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
    without = {name for one in modules() for name in getattr(one, "WITHOUT_HEALTH", ())}
    # The proxy learns of the applications a moment after Serve calls them running.
    try:
        return all(
            httpx2.get(f"{url}/health/live").is_success
            for url in urls(cluster)
            if url.removeprefix(f"{cluster.url}/") not in without
        )
    except httpx2.HTTPError:
        return False
