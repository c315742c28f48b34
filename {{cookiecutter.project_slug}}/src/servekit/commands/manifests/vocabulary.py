"""Words and forms of values that Kubernetes' schemas leave open, and its API server does not."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .kustomize import Block
from .pods import QUANTITY, pod_templates

OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
"""Of expressions about labels."""
SELECTORS = ("labelSelector", "namespaceSelector", "podSelector", "selector")
OF_NODES = ("nodeSelectorTerms", "preference")

WORDS: Mapping[str, tuple[str, ...]] = {
    "accessModes": ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"),
    "concurrencyPolicy": ("Allow", "Forbid", "Replace"),
    "dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "emptyDir.medium": ("", "Memory", "HugePages"),
    "effect": ("NoSchedule", "PreferNoSchedule", "NoExecute"),
    "imagePullPolicy": ("Always", "IfNotPresent", "Never"),
    "pathType": ("Exact", "Prefix", "ImplementationSpecific"),
    "pod-security.kubernetes.io/enforce": ("privileged", "baseline", "restricted"),
    "policyTypes": ("Ingress", "Egress"),
    "protocol": ("TCP", "UDP", "SCTP"),
    "restartPolicy": ("Always", "OnFailure", "Never"),
    "seccompProfile.type": ("RuntimeDefault", "Localhost", "Unconfined"),
    "spec.type": ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    "strategy.type": ("Recreate", "RollingUpdate"),
    "tolerations.operator": ("Exists", "Equal", "Lt", "Gt"),
    "whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
    **{f"{one}.matchExpressions.operator": OPERATORS for one in SELECTORS},
    **{f"{one}.matchExpressions.operator": (*OPERATORS, "Gt", "Lt") for one in OF_NODES},
}
"""By the end of a value's place."""

NAME = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
AMOUNT = (QUANTITY, "a quantity such as 4, 500m or 2Gi")
LABEL = (r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", "63 letters, digits and -_. at most")
OF_A_NODE = (
    r"(?!(topology\.)?kubernetes\.io/).+|.+/(hostname|os|arch|zone|region)",
    "a label that nodes have",
)
PORT = (
    r"[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5]",
    "a port from 1 to 65535",
)
FORMS: Mapping[str, tuple[str, str]] = {
    "containers.name": (NAME, "63 small letters, digits and - at most"),
    "containers.ports.name": (
        r"(?=.*[a-z])(?=.{1,15}$)[a-z0-9]+(-[a-z0-9]+)*",
        "15 small letters, digits and - at most",
    ),
    "containers.ports.containerPort": PORT,
    "labels.*": LABEL,
    "resources.limits.*": AMOUNT,
    "matchLabels.*": LABEL,
    "maxSkew": ("[1-9][0-9]*", "a number above 0"),
    "metadata.name": (r"[a-z0-9]([-a-z0-9.:]{0,251}[a-z0-9])?", "small letters, digits and -."),
    "mountPath": ("/.*", "a path from the root"),
    "nodeSelectorTerms.matchExpressions.key": OF_A_NODE,
    "resources.requests.*": AMOUNT,
    "sizeLimit": AMOUNT,
    "topologyKey": OF_A_NODE,
    "volumes.name": (NAME, "63 small letters, digits and - at most"),
}
"""The pattern of a value, and what to call it, by the end of its place."""
DEPTH = 3
"""Of the longest place above."""


def in_vocabulary(resource: Block) -> Iterator[str]:
    """Yield a sentence for each value that has no meaning.

    Args:
        resource: Of a kind of Kubernetes, or with pods of such form.
    """
    yield from in_values({"metadata": resource["metadata"]})
    for _, template in pod_templates([resource]):
        yield from in_values({"template": template})
        policy = template["spec"].get("restartPolicy", "Always")
        if resource["kind"] in {"Job", "CronJob"} and policy == "Always":
            yield "template.spec.restartPolicy: a Job takes OnFailure or Never."
    if "rayClusterConfig" not in resource.get("spec", {}):
        yield from in_values({"spec": resource.get("spec")})


def in_values(block: Any, *place: str) -> Iterator[str]:
    if isinstance(block, dict):
        for key, one in block.items():
            if place[-1:] == ("nodeSelector",):
                yield from in_value(str(key), (*place, "topologyKey"))
            yield from in_values(one, *place, str(key))
    elif isinstance(block, list):
        for one in block:
            yield from in_values(one, *place)
    elif block is not None:
        yield from in_value(str(block), place)


def in_value(value: str, place: tuple[str, ...]) -> Iterator[str]:
    where = ".".join(place)
    for end in ends_of(place):
        if (words := WORDS.get(end)) and value not in words:
            yield f"{where}: {value!r} is none of {', '.join(words)}."
        if (form := FORMS.get(end)) and not re.fullmatch(form[0], value):
            yield f"{where}: {value!r} is not {form[1]}."


def ends_of(place: tuple[str, ...]) -> Iterator[str]:
    for length in range(1, DEPTH + 1):
        yield ".".join(place[-length:])
        yield ".".join([*place[-length:-1], "*"])
