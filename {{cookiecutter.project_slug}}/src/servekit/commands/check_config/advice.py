"""What a Serve configuration may say, but will cost requests."""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ray.serve.config import AutoscalingConfig
from ray.serve.schema import ServeDeploySchema

from servekit.serving.settings import BatcherSettings

SERVE_GRACE_S = 20.0
"""What Serve takes where nothing is said."""

LOAD_BALANCERS_S = 60.0
"""How long those keep an idle connection that keep it the shortest."""

TIMEOUT = "BATCHER_TIMEOUT_S"

Block = dict[str, Any]


def advice(config: Block) -> Iterator[str]:
    """Yield a sentence for each valid value that is likely to cost requests."""
    schema = ServeDeploySchema.model_validate(config)  # which makes numbers of "90"
    keep_alive_s = schema.http_options.keep_alive_timeout_s
    if keep_alive_s <= LOAD_BALANCERS_S:
        yield (
            f"http_options.keep_alive_timeout_s is {keep_alive_s:g} seconds: a load balancer keeps "
            "idle connections for 60 and more, and its requests would meet closed ones."
        )
    for application in schema.applications:
        said = application.model_dump(exclude_unset=True)
        longest_s = longest_request_s(said)
        for block in said.get("deployments") or ():
            place = f"{block['name']!r} of {application.name!r}"
            yield from in_deployment(block, place, longest_s)


def in_deployment(block: Block, place: str, longest_s: float) -> Iterator[str]:
    if least_replicas(block) <= 1 and not block.get("max_surge_percent"):
        yield (
            f"{place} may have one replica and has no max_surge_percent: a new version stops that "
            "one before another one runs. Set max_surge_percent to 100, or have two replicas."
        )
    grace_s = block.get("graceful_shutdown_timeout_s", SERVE_GRACE_S)
    if grace_s < longest_s:
        yield (
            f"{place} gives requests {grace_s:g} seconds to finish when a replica is replaced, and "
            f"they may take {longest_s:g} ({TIMEOUT}): raise graceful_shutdown_timeout_s."
        )


def least_replicas(block: Block) -> int:
    """How many replicas a deployment is sure to have."""
    number, scaling = block.get("num_replicas"), block.get("autoscaling_config")
    if isinstance(number, int):
        return number
    return AutoscalingConfig.model_validate(scaling).min_replicas if scaling else 1


def longest_request_s(application: Block) -> float:
    """How long a request to a model may take, as the environment of the application says."""
    variables = (application.get("runtime_env") or {}).get("env_vars") or {}
    said = variables.get(TIMEOUT, os.environ.get(TIMEOUT, ""))
    with suppress(ValueError):  # refused where the service starts
        return float(said)
    return BatcherSettings.model_fields["timeout_s"].default
