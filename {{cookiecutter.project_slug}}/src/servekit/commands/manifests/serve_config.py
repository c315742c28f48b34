"""Merges what a cluster changes into the Serve configuration of the project."""

from copy import deepcopy
from typing import Any

from .kustomize import Block

EACH = "each_deployment"
"""The key of what holds for every deployment."""

COUNTS = {"num_replicas", "autoscaling_config"}
"""How many replicas: a fixed number or bounds, and never both."""


def merged(serve: Block, changes: Block) -> Block:
    """Return the Serve configuration of a cluster.

    Args:
        serve: The project's `serve.yaml`.
        changes: Keys as there; those of blocks in a list are found by `name`. `each_deployment`
            holds for every deployment, and what names one comes over it. A deployment that scales
            by itself in `serve.yaml` keeps its bounds, unless it is named or new bounds are given.
    """
    config, changes = deepcopy(serve), deepcopy(changes)
    each = changes.pop(EACH, None) or {}
    for application in config.get("applications", []):
        application["deployments"] = [
            with_changes(one, suiting(one, each)) for one in application.get("deployments", [])
        ]
    return with_changes(config, changes)


def suiting(deployment: Block, each: Block) -> Block:
    scales = "autoscaling_config" in deployment
    return {key: one for key, one in each.items() if not (scales and key == "num_replicas")}


def with_changes(block: Any, changes: Any) -> Any:
    """Return `block` with `changes` in it: mappings key by key, lists of blocks name by name."""
    if isinstance(block, dict) and isinstance(changes, dict):
        kept = block
        if count := COUNTS & changes.keys():
            kept = {key: one for key, one in block.items() if key not in COUNTS - count}
        return kept | {key: with_changes(kept.get(key), one) for key, one in changes.items()}
    if are_named(block) and are_named(changes):
        by_name = {one["name"]: one for one in block}
        for one in changes:
            by_name[one["name"]] = with_changes(by_name.get(one["name"], {}), one)
        return [*by_name.values()]
    return changes


def are_named(blocks: Any) -> bool:
    return isinstance(blocks, list) and all(
        isinstance(one, dict) and "name" in one for one in blocks
    )
