"""Puts into manifests what stands elsewhere in the project, so that it is written once."""

import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import yaml

from servekit.commands.check_config.strict_yaml import read

from .kustomize import Block, ManifestsError
from .pods import groups_of
from .serve_config import merged

ALERTS = Path("deploy/prometheus/alerts.yml")


def the_service(documents: Sequence[Block]) -> Block:
    """Return the RayService. Raises ManifestsError unless there is exactly one."""
    found = [one for one in documents if one.get("kind") == "RayService"]
    if len(found) != 1:
        raise ManifestsError(f"There is to be one RayService, and there are {len(found)}.")
    return found[0]


def complete(documents: Sequence[Block], serve: Block) -> Block:
    """Complete the manifests in place, and return the Serve configuration of the cluster.

    The version of Ray is that of this environment, which `uv.lock` decides, and so the image's.

    Args:
        documents: As kustomize has made them.
        serve: The project's `serve.yaml`.
    """
    service = the_service(documents)
    spec = service["spec"]
    changes = spec.get("serveConfigV2") or {}
    if not isinstance(changes, dict):
        raise ManifestsError(
            "serveConfigV2 must be a mapping of what changes in serve.yaml, and not a text."
        )
    config = merged(serve, changes)
    if not isinstance(spec.get("rayClusterConfig"), dict):
        raise ManifestsError("The RayService has no rayClusterConfig.")
    tag = tag_of(service)
    for application in config.get("applications", []):
        if "args" in application:
            # Always there: an argument that comes or goes is a roll-out.
            application["args"].setdefault("build", tag)
    spec["serveConfigV2"] = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    spec["rayClusterConfig"].setdefault("rayVersion", version("ray"))
    for one in documents:
        if one["kind"] == "Job" and tag:
            one["metadata"]["name"] += "-" + re.sub("[^a-z0-9]+", "-", tag.lower()).strip("-")
        if one["kind"] == "PrometheusRule" and "spec" not in one:
            one["spec"] = read(ALERTS)
    return config


def tag_of(service: Block) -> str:
    """Return the tag or the digest of the service's image; empty where it has none."""
    try:
        image = str(groups_of(service)[0].container.get("image", ""))
    except (KeyError, IndexError, TypeError):  # a form that the schemas will refuse
        return ""
    name, at, digest = image.partition("@")
    return digest if at else name.rpartition("/")[2].partition(":")[2]
