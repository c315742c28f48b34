"""Whether the workers have room for the replicas that `serve.yaml` asks for."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .kustomize import Block
from .pods import Group
from .rules import Manifests, bounds_of

ACCELERATOR = "accelerator_type:"
"""What Ray calls a resource of nodes that have an accelerator of this type."""


@dataclass
class Worker:
    """A pod, with what is still free on it."""

    group: Group
    free: dict[str, float]
    replicas: Counter[str] = field(default_factory=Counter)

    def fits(self, demand: Mapping[str, float]) -> bool:
        return all(self.left(name) >= amount for name, amount in demand.items())

    def left(self, name: str) -> float:
        """How much of a resource is free; Ray finds out by itself what type a GPU is of."""
        typed = name.startswith(ACCELERATOR) and self.group.capacity["num_gpus"] > 0
        return self.free.get(name, math.inf if typed else 0)

    def take(self, name: str, demand: Mapping[str, float]) -> None:
        self.replicas[name] += 1
        for one, amount in demand.items():
            self.free[one] = self.left(one) - amount


def demand_of(deployment: Block) -> dict[str, float]:
    """Return what a replica reserves: CPU by itself, and all that it asks for."""
    options: Any = deployment.get("ray_actor_options") or {}
    said = {"num_cpus": 1.0} | {key: one for key, one in options.items() if key == "num_cpus"}
    others = {key: options.get(key, 0) for key in ("num_gpus", "memory")} | (
        options.get("resources") or {}
    )
    if kind := options.get("accelerator_type"):
        others[f"{ACCELERATOR}{kind}"] = 0.001
    return {name: float(amount) for name, amount in (said | others).items() if amount}


def replicas_of(deployment: Block, bound: str = "min_replicas") -> int:
    """Return how many replicas there are at least, or by another bound."""
    bounds = bounds_of(deployment)
    return int(bounds.get(bound, 1) if bounds else deployment.get("num_replicas") or 1)


def in_capacity(manifests: Manifests) -> Iterator[str]:
    """Place the replicas as Serve would, spread, the most demanding first."""
    workers, demands = workers_of(manifests), in_full(manifests)
    found = [one for block in demands for one in placed(block, replicas_of(block), workers)]
    yield from found or in_idleness(workers)
    yield from in_roll_outs(manifests, len(workers))
    if not found and not manifests.scales:
        yield from in_surges(demands, workers)
        # Where the workers are as many as they are, there must be room for what scales on them.
        free = workers_of(manifests)
        for block in demands:
            yield from placed(block, replicas_of(block, "max_replicas"), free)


def workers_of(manifests: Manifests) -> list[Worker]:
    return [
        Worker(group, dict(group.capacity))
        for group in manifests.workers
        for _ in range(group.replicas)
    ]


def in_idleness(workers: list[Worker]) -> Iterator[str]:
    for group, number in Counter(one.group.what for one in workers if not one.replicas).items():
        yield (
            f"{group} has {number} more than there are replicas for: a worker without one is "
            "never ready."
        )


def in_full(manifests: Manifests) -> list[Block]:
    """Return the deployments, the most demanding first, with their application's name if needed."""
    applications: list[Block] = manifests.serve["applications"]
    found = [
        one | {"name": f"{application.get('name', 'default')}/{one['name']}"}
        if len(applications) > 1
        else one
        for application in applications
        for one in application.get("deployments", [])
    ]
    return sorted(found, key=weight, reverse=True)


def weight(deployment: Block) -> tuple[float, float]:
    demand = demand_of(deployment)
    scarce = [amount for name, amount in demand.items() if name not in {"num_cpus", "memory"}]
    return sum(scarce), demand.get("num_cpus", 0)


def placed(deployment: Block, wanted: int, workers: list[Worker]) -> Iterator[str]:
    """Place one deployment's replicas; yield a sentence if there is no room."""
    name, demand = deployment["name"], demand_of(deployment)
    limit = deployment.get("max_replicas_per_node") or math.inf
    text = " and ".join(f"{amount:g} {one}" for one, amount in demand.items()) or "nothing"
    if not any(Worker(one.group, dict(one.group.capacity)).fits(demand) for one in workers):
        yield f"No group of workers has room for a replica of {name!r}, which reserves {text}."
        return
    for number in range(wanted):
        open_to = [one for one in workers if one.replicas[name] < limit and one.fits(demand)]
        if not open_to:
            yield (
                f"The workers have room for {number} of {wanted} replicas of {name!r}: each "
                f"reserves {text}, and max_replicas_per_node is {limit:g}."
            )
            return
        min(open_to, key=lambda one: preference(one, name)).take(name, demand)


def preference(worker: Worker, name: str) -> tuple[bool, int, int]:
    """Return a sort key: first workers without a GPU, then those with the fewest replicas."""
    has_gpu = worker.group.capacity.get("num_gpus", 0) > 0
    return has_gpu, worker.replicas[name], worker.replicas.total()


def in_roll_outs(manifests: Manifests, workers: int) -> Iterator[str]:
    """Check that more replicas find a place, where they scale or come before the old ones go."""
    most_workers = sum(group.spec["maxReplicas"] for group in manifests.workers)
    for one in manifests.deployments:
        limit = one.get("max_replicas_per_node")
        most = bounds_of(one).get("max_replicas", 0)
        if limit and manifests.scales and most > limit * most_workers:
            yield (
                f"{one['name']!r} may have {most} replicas, and {most_workers} workers have "
                f"places for {limit * most_workers}."
            )
        if limit and one.get("max_surge_percent", 0) and replicas_of(one) >= limit * workers:
            yield (
                f"A roll-out of {one['name']!r} would never end: with max_replicas_per_node "
                f"{limit} there is no place for max_surge_percent {one['max_surge_percent']}."
            )


def in_surges(deployments: list[Block], workers: list[Worker]) -> Iterator[str]:
    """Check that one more replica fits where it has to come before an old one goes."""
    for one in deployments:
        demand = demand_of(one)
        if one.get("max_surge_percent", 0) and not any(each.fits(demand) for each in workers):
            yield (
                f"A roll-out of {one['name']!r} would never end: no worker has room for one more "
                f"replica, as max_surge_percent {one['max_surge_percent']} wants."
            )
