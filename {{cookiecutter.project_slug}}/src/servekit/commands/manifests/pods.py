"""The pods that KubeRay and Kubernetes make of manifests, as far as checks need to know."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from .kustomize import Block, ManifestsError

UNITS = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    **{letter: 1000.0**power for power, letter in enumerate("MGTPE", 2)},
    **{f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", 1)},
}
QUANTITY = rf"\+?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+|{'|'.join(UNITS)})?"
AUTOSCALER = {
    "resources": {
        "requests": {"cpu": "500m", "memory": "512Mi"},
        "limits": {"cpu": "500m", "memory": "512Mi"},
    }
}
"""What KubeRay gives the container of the autoscaler, unless it is told otherwise."""
NOT_OF_ITS_CONTAINER = {"idleTimeoutSeconds", "upscalingMode", "version"}


def quantity(text: object) -> float:
    """Return the number that a quantity of Kubernetes means: 500m, 4, 2Gi.

    Raises:
        ManifestsError: It is none.
    """
    words = str(text)
    unit = next((unit for unit in sorted(UNITS, key=len, reverse=True) if words.endswith(unit)), "")
    try:
        return float(words.removesuffix(unit)) * UNITS.get(unit, 1.0)
    except ValueError:
        raise ManifestsError(f"{words!r} is not a quantity such as 4, 500m or 2Gi.") from None


def as_seconds(said: object, name: str) -> float:
    """Return a number of seconds.

    Raises:
        ManifestsError: It is none.
    """
    try:
        return float(str(said))
    except ValueError:
        raise ManifestsError(f"{name} must be a number of seconds, and is {said!r}.") from None


@dataclass(frozen=True)
class Group:
    """The head, or a group of workers.

    Attributes:
        name: Of the group; `head`.
        spec: As the RayCluster has it.
    """

    name: str
    spec: Block

    @property
    def is_head(self) -> bool:
        return "groupName" not in self.spec

    @property
    def what(self) -> str:
        """What to call it in a sentence."""
        return "The head" if self.is_head else f"The group {self.name!r}"

    @property
    def replicas(self) -> int:
        """How many pods there are at least."""
        return 1 if self.is_head else int(self.spec.get("minReplicas", 0))

    @property
    def template(self) -> Block:
        return self.spec["template"]

    @property
    def pod(self) -> Block:
        return self.template["spec"]

    @property
    def container(self) -> Block:
        """The one that Ray runs in: KubeRay takes the first."""
        return containers_of(self.template)[0]

    @property
    def annotations(self) -> Mapping[str, str]:
        return (self.template.get("metadata") or {}).get("annotations") or {}

    @property
    def labels(self) -> Mapping[str, str]:
        own = (self.template.get("metadata") or {}).get("labels") or {}
        return own | {
            "ray.io/cluster": "one",
            "ray.io/group": "headgroup" if self.is_head else self.name,
            "ray.io/is-ray-node": "yes",
            "ray.io/node-type": "head" if self.is_head else "worker",
        }

    @property
    def params(self) -> Mapping[str, str]:
        """What `ray start` is told."""
        return self.spec.get("rayStartParams") or {}

    @property
    def limits(self) -> Mapping[str, str]:
        return (self.container.get("resources") or {}).get("limits") or {}

    @property
    def gpus(self) -> float:
        """How many GPUs a pod has: KubeRay takes the limit with a name that ends in `gpu`."""
        return quantity(next((one for name, one in self.limits.items() if name.endswith("gpu")), 0))

    @property
    def ports(self) -> Mapping[str, int]:
        """The numbers of those that have a name."""
        own = [one for one in self.container.get("ports", []) if "name" in one]
        return {one["name"]: one["containerPort"] for one in own}

    @property
    def env(self) -> Mapping[str, str]:
        return {one["name"]: one.get("value", "") for one in self.container.get("env", [])}

    def seconds(self, name: str, default: float) -> float:
        """Return what a variable of the container says. Raises ManifestsError if no number."""
        return as_seconds(self.env.get(name, default), f"{self.what}: {name}")

    def mounts(self, path: str, *, writing: bool = True) -> bool:
        """Whether a volume holds a path, and may be written if asked."""
        return any(
            PurePosixPath(path).is_relative_to(one["mountPath"])
            for one in self.container.get("volumeMounts", [])
            if not (writing and one.get("readOnly"))
        )

    @cached_property
    def capacity(self) -> Mapping[str, float]:
        """What Ray may reserve on one pod, under its own names of resources.

        KubeRay takes the group's `resources` before `rayStartParams`, and these before the limits
        and requests of the container.
        """
        own: dict[str, str] = self.spec.get("resources", {})
        limits, said = self.limits, self.params
        requests = self.container.get("resources", {}).get("requests", {})
        cpus = limits.get("cpu", requests.get("cpu", 0))
        found = {
            "num_cpus": quantity(said.get("num-cpus", math.ceil(quantity(cpus)))),
            "num_gpus": quantity(said["num-gpus"]) if "num-gpus" in said else self.gpus,
            "memory": quantity(said.get("memory", limits.get("memory", 0))),
        }
        # Quoted for a shell, as KubeRay wants it.
        text = said.get("resources", "{}").strip("'\"").replace('\\"', '"')
        try:
            found |= {name: float(one) for name, one in json.loads(text).items()}
        except (ValueError, AttributeError, TypeError):
            raise ManifestsError(f"{self.what}: {text!r} is not JSON of resources.") from None
        names = {"CPU": "num_cpus", "GPU": "num_gpus"}
        return found | {names.get(name, name): quantity(one) for name, one in own.items()}


def groups_of(service: Block) -> list[Group]:
    """Return the head and the groups of workers of a RayService, the head first."""
    cluster = service["spec"]["rayClusterConfig"]
    workers = [Group(one["groupName"], one) for one in cluster.get("workerGroupSpecs", [])]
    return [Group("head", cluster["headGroupSpec"]), *workers]


def pod_templates(documents: Sequence[Block]) -> Iterator[tuple[str, Block]]:
    """Yield each template of pods, with what to call its pods.

    Other operators have templates too, such as a SealedSecret that of its Secret.
    """
    for one in documents:
        name = f"{one['kind']} {one['metadata']['name']!r}"
        if one["kind"] == "RayService":
            for group in groups_of(one):
                own = with_autoscaler(one, group) if group.is_head else group.template
                yield f"{name}, {group.name}", own
            continue
        spec: Any = one.get("spec") or {}
        if one["kind"] == "CronJob":
            spec = spec.get("jobTemplate", {}).get("spec", {})
        template: Any = spec.get("template")
        if isinstance(template, dict) and "containers" in (template.get("spec") or {}):
            yield name, with_claims(template, spec.get("volumeClaimTemplates") or [])


def with_claims(template: Block, claims: list[Block]) -> Block:
    """Return a template with the volumes that a StatefulSet adds, over those of the same name."""
    if not claims:
        return template
    names = [(one.get("metadata") or {}).get("name") for one in claims]
    own = [one for one in template["spec"].get("volumes") or [] if one["name"] not in names]
    return template | {"spec": template["spec"] | {"volumes": own + [{"name": n} for n in names]}}


def with_autoscaler(service: Block, head: Group) -> Block:
    """Return the template of the head's pod with the container that KubeRay adds, if it does."""
    cluster: Block = service["spec"]["rayClusterConfig"]
    spec: Any = head.template.get("spec") or {}
    if not cluster.get("enableInTreeAutoscaling") or not spec.get("containers"):
        return head.template
    options: Block = cluster.get("autoscalerOptions") or {}
    own = {key: one for key, one in options.items() if key not in NOT_OF_ITS_CONTAINER}
    added = {"name": "autoscaler", "image": head.container.get("image")} | AUTOSCALER | own
    return head.template | {"spec": spec | {"containers": [*spec["containers"], added]}}


def containers_of(template: Block) -> list[Block]:
    spec = template["spec"]
    return [*spec["containers"], *spec.get("initContainers", [])]


def values(block: Any, key: str) -> Iterator[Any]:
    """Yield what stands under a key, however deep."""
    if isinstance(block, dict):
        if key in block:
            yield block[key]
        for one in block.values():
            yield from values(one, key)
    elif isinstance(block, list):
        for one in block:
            yield from values(one, key)
