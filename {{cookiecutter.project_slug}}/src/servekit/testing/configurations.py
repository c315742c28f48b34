"""Serve configurations: those that come with the project, and the one that its tests run."""

from pathlib import Path
from typing import Any

import yaml

from .project import tested

MODEL = {
    "num_replicas": 1,
    "max_ongoing_requests": 100,
    "max_queued_requests": 64,
    "graceful_shutdown_timeout_s": 20,
    "max_surge_percent": 100,
    "ray_actor_options": {"num_cpus": 0.05},
}
"""The block of each model."""


def loaded(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def is_for_serve(path: Path) -> bool:
    content: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    return isinstance(content, dict) and "applications" in content


PATHS = [
    tested().folder / "serve.yaml",
    *(path for path in sorted((tested().folder / "deploy").rglob("*.yaml")) if is_for_serve(path)),
]
"""What operators change: tests ask of it no more than that Serve can take it."""


def own() -> dict[str, Any]:
    """The service, small, with the options of each transport that has a `serve_<name>.yaml`.

    The numbers of `serve.yaml` are the operator's, so no test runs them or counts on them.
    """
    config: dict[str, Any] = {}
    for path in sorted((tested().folder / "tests").glob("serve*.yaml")):
        config |= loaded(path)
    [service] = config["applications"]
    service["deployments"] += [{"name": one.name} | MODEL for one in tested().models()]
    return config
