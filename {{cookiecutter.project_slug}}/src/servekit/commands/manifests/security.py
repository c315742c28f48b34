"""Holds all pods to Kubernetes' Pod Security Standard `restricted`, and a read-only root.

Linters for this (kube-linter, Kubescape) are programs in Go that look past a RayService; Checkov
brings seventy packages.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from .kustomize import Block
from .pods import containers_of, pod_templates
from .rules import Manifests

SECCOMP = {"RuntimeDefault", "Localhost"}


def in_security(manifests: Manifests) -> Iterator[str]:
    for owner, template in pod_templates(manifests.documents):
        spec: Block = template["spec"]
        if any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
            yield f"{owner}: a pod must not share namespaces with its host."
        if any("hostPath" in volume for volume in spec.get("volumes", [])):
            yield f"{owner}: a pod must not mount a folder of its host."
        if "automountServiceAccountToken" not in spec:
            yield f"{owner}: say automountServiceAccountToken, and false unless it is needed."
        for container in containers_of(template):
            place = f"{owner}, {container['name']}"
            context: Any = spec.get("securityContext", {}) | container.get("securityContext", {})
            yield from (f"{place}: {fault}." for fault in faults_of(context))
            yield from (f"{place}: {fault}." for fault in limits(container))
    yield from (
        f"{group.what} must have no limit of CPU: Ray ends where it comes up too slowly."
        for group in manifests.groups
        if "cpu" in group.container.get("resources", {}).get("limits", {})
    )


def faults_of(context: Mapping[str, Any]) -> Iterator[str]:
    if not context.get("runAsNonRoot") or not context.get("runAsUser"):
        yield "runAsNonRoot must be true, and runAsUser not 0"
    if context.get("seccompProfile", {}).get("type") not in SECCOMP:
        yield "seccompProfile must be RuntimeDefault"
    if context.get("privileged") or context.get("allowPrivilegeEscalation", True):
        yield "allowPrivilegeEscalation must be false"
    if context.get("capabilities", {}).get("drop") != ["ALL"]:
        yield "capabilities must drop ALL"
    if context.get("capabilities", {}).get("add"):
        yield "capabilities must add none"
    if not context.get("readOnlyRootFilesystem"):
        yield "readOnlyRootFilesystem must be true"


def limits(container: Block) -> Iterator[str]:
    resources = container.get("resources", {})
    if not resources.get("requests", {}).get("cpu"):
        yield "it must request CPU"
    if not resources.get("limits", {}).get("memory"):
        yield "it must have a limit of memory"
