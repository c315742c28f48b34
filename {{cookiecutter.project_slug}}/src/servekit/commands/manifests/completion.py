"""Puts into manifests what stands elsewhere in the project, so that it is written once."""

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from servekit.commands.check_config.checks import checked
from servekit.commands.check_config.strict_yaml import ConfigurationError, read

from .kustomize import Block, ManifestsError
from .pods import groups_of
from .serve_config import merged
from .written import as_yaml

ALERTS = Path("deploy/prometheus/alerts.yml")
READABLE = 52
"""Characters of a Job's name before its hash: 63 are allowed."""


def the_service(documents: Sequence[Block]) -> Block:
    """Return the RayService. Raises ManifestsError unless there is exactly one."""
    found = [one for one in documents if one.get("kind") == "RayService"]
    if len(found) != 1:
        raise ManifestsError(f"Exactly one RayService is needed, and there are {len(found)}.")
    return found[0]


def complete(documents: Sequence[Block], serve: Block) -> Block:
    """Complete the manifests in place, and return the Serve configuration of the cluster.

    The version of Ray is that of this environment, which `uv.lock` decides, and so the image's.

    Args:
        documents: As kustomize has made them.
        serve: The project's `serve.yaml`.
    """
    service = the_service(documents)
    spec = service.get("spec") or {}
    changes = spec.get("serveConfigV2") or {}
    if not isinstance(changes, dict):
        raise ManifestsError(
            "serveConfigV2 must be a mapping of what changes in serve.yaml, and not a text."
        )
    config = merged(serve, changes)
    if not isinstance(spec.get("rayClusterConfig"), dict):
        raise ManifestsError("The RayService has no rayClusterConfig.")
    tag = tag_of(service)
    for application in blocks_of(config, "applications"):
        if isinstance(application.get("args"), dict):
            # Always there: an argument that comes or goes is a roll-out.
            application["args"].setdefault("build", tag)
    drop_unused(config)
    spec["serveConfigV2"] = as_yaml(config)
    spec["rayClusterConfig"].setdefault("rayVersion", version("ray"))
    for one in documents:
        if one["kind"] == "Job":
            one["metadata"]["name"] = job_name(one, tag)
        if one["kind"] == "PrometheusRule" and "spec" not in one:
            one["spec"] = alerts()
    return config


def blocks_of(block: Block, key: str) -> list[Block]:
    found: Any = block.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def drop_unused(config: Block) -> None:
    """Take out the blocks of deployments that `placement` leaves out: Serve refuses them."""
    try:
        schema = checked(config)
    except ConfigurationError:
        return  # named when all is checked
    for application, block in zip(schema.applications, config["applications"], strict=True):
        kept = {one.name for one in application.deployments}
        if "deployments" in block:
            block["deployments"] = [one for one in block["deployments"] if one["name"] in kept]


def job_name(job: Block, tag: str) -> str:
    """Return a name of its own for each content: what a Job runs cannot be changed."""
    readable = re.sub("[^a-z0-9]+", "-", f"{job['metadata']['name']}-{tag}".lower())
    content = json.dumps(job.get("spec"), sort_keys=True, default=str)
    return f"{readable[:READABLE].strip('-')}-{sha256(content.encode()).hexdigest()[:10]}"


def alerts() -> Block:
    try:
        found = read(ALERTS)
    except ConfigurationError as error:
        raise ConfigurationError(f"{ALERTS}: {error}") from None
    if not isinstance(found, dict) or not found.get("groups"):
        raise ConfigurationError(f"{ALERTS}: It has no groups.")
    return found


def tag_of(service: Block) -> str:
    """Return the tag or the digest of the service's image; empty where it has none."""
    try:
        image = str(groups_of(service)[0].container.get("image", ""))
    except (KeyError, IndexError, TypeError):  # a form that the schemas will refuse
        return ""
    name, at, digest = image.partition("@")
    return digest if at else name.rpartition("/")[2].partition(":")[2]
