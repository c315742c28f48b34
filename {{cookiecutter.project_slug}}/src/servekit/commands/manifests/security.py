"""Holds all pods to Kubernetes' Pod Security Standard `restricted`, and a read-only root.

Linters for this (kube-linter, Kubescape) are programs in Go that look past a RayService; Checkov
brings seventy packages.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .kustomize import Block
from .pods import containers_of, pod_templates
from .rules import Manifests

VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image"),
    *("persistentVolumeClaim", "projected", "secret"),
}
SYSCTLS = {
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"),
    *("net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_rmem"),
    *("net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_syncookies"),
    *("net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_wmem"),
}
SE_LINUX = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
PROFILES = {"RuntimeDefault", "Localhost"}


def of(context: Mapping[str, Any], key: str) -> Block:
    return context.get(key) or {}


FAULTS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "runAsNonRoot must be true, and runAsUser not 0": lambda its: (
        not its.get("runAsNonRoot") or not its.get("runAsUser")
    ),
    "seccompProfile must be RuntimeDefault": lambda its: (
        of(its, "seccompProfile").get("type") not in PROFILES
    ),
    "appArmorProfile must be RuntimeDefault": lambda its: (
        of(its, "appArmorProfile").get("type", "RuntimeDefault") not in PROFILES
    ),
    "allowPrivilegeEscalation must be false": lambda its: (
        its.get("privileged") or its.get("allowPrivilegeEscalation", True)
    ),
    "capabilities must drop ALL": lambda its: of(its, "capabilities").get("drop") != ["ALL"],
    "capabilities must add none": lambda its: of(its, "capabilities").get("add"),
    "readOnlyRootFilesystem must be true": lambda its: not its.get("readOnlyRootFilesystem"),
    "procMount must be Default": lambda its: its.get("procMount", "Default") != "Default",
    "seLinuxOptions must be those of containers": lambda its: (
        {"user", "role"} & of(its, "seLinuxOptions").keys()
        or of(its, "seLinuxOptions").get("type", "") not in SE_LINUX
    ),
    "sysctls must be safe ones": lambda its: (
        {one.get("name") for one in its.get("sysctls") or []} - SYSCTLS
    ),
    "hostProcess must be false": lambda its: of(its, "windowsOptions").get("hostProcess"),
}
"""What a security context must be, and when it is not."""


def in_security(manifests: Manifests) -> Iterator[str]:
    for owner, template in pod_templates(manifests.documents):
        spec: Block = template["spec"]
        if any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
            yield f"{owner}: a pod must not share namespaces with its host."
        for volume in spec.get("volumes") or []:
            for kind in sorted(volume.keys() - {"name"} - VOLUMES):
                yield f"{owner}: the volume {volume['name']!r} must not be of the kind {kind}."
        if "automountServiceAccountToken" not in spec:
            yield f"{owner}: say automountServiceAccountToken, and false unless it is needed."
        for container in containers_of(template):
            place = f"{owner}, {container['name']}"
            context = of(spec, "securityContext") | of(container, "securityContext")
            yield from (
                f"{place}: {fault}." for fault, is_there in FAULTS.items() if is_there(context)
            )
            yield from (f"{place}: {fault}." for fault in in_limits(container))
    yield from (
        f"{group.what} must have no limit of CPU: Ray ends where it comes up too slowly."
        for group in manifests.groups
        if "cpu" in group.limits
    )


def in_limits(container: Block) -> Iterator[str]:
    resources = of(container, "resources")
    if not of(resources, "requests").get("cpu"):
        yield "it must request CPU"
    if not of(resources, "limits").get("memory"):
        yield "it must have a limit of memory"
    if any("hostPort" in port for port in container.get("ports") or []):
        yield "it must take no port of its host"
