"""Whether what a resource names is there: accounts, settings, keys, claims, Services."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from .kustomize import Block
from .pods import containers_of, pod_templates, values
from .rules import Manifests, serving_ports
from .schemas import is_of_kubernetes
from .spelling import is_misspelt

LONGEST_NAME = 47
"""KubeRay makes longer names of it."""
EXCLUSIVE = {"ReadWriteOnce", "ReadWriteOncePod"}
"""Modes in which pods on several nodes cannot mount a volume."""
OF_ROUTES = {"HTTPRoute": "serve", "GRPCRoute": "serve-grpc"}
"""The port that a route of this kind leads to, where it has the name of the service."""
OF_EVERY_NAMESPACE = {"kube-root-ca.crt"}
"""ConfigMaps that Kubernetes makes."""


def in_names(manifests: Manifests) -> Iterator[str]:
    """Check that what is named exists, once."""
    names = Counter(
        (one["kind"], one["metadata"]["name"], one["metadata"].get("namespace"))
        for one in manifests.documents
    )
    yield from (
        f"There are two of {kind} {name!r}." for (kind, name, _), n in names.items() if n > 1
    )
    if len(manifests.name) > LONGEST_NAME:
        yield f"The name {manifests.name!r} has more than {LONGEST_NAME} characters."
    for key in ("configMapRef", "configMapKeyRef", "configMap"):
        yield from missing(manifests, "ConfigMap", names_under(manifests, key) - OF_EVERY_NAMESPACE)
    yield from unused(manifests)
    accounts = {*under(manifests, "serviceAccountName")} - {"default"}
    yield from missing(manifests, "ServiceAccount", accounts)
    for key in ("secretRef", "secretKeyRef"):
        if "" in names_under(manifests, key):
            yield f"A {key} names no Secret."
    yield from in_secrets(manifests)
    yield from in_keys(manifests)
    yield from in_claims(manifests)


def under(manifests: Manifests, key: str) -> Iterator[Any]:
    """Yield what stands under a key in pods and in the RayService."""
    pods = (template for _, template in pod_templates(manifests.documents))
    return (one for block in (manifests.service, *pods) for one in values(block, key))


def names_under(manifests: Manifests, key: str) -> set[str]:
    """Return the names of what is referred to; empty for a reference that has none."""
    found = [one for one in under(manifests, key) if isinstance(one, dict)]
    return {str(one.get("name") or "") for one in found if not one.get("optional")}


def missing(manifests: Manifests, kind: str, wanted: set[str]) -> Iterator[str]:
    for name in sorted(wanted - named(manifests, kind)):
        yield f"{kind} {name!r} is used, and does not exist."


def unused(manifests: Manifests) -> Iterator[str]:
    """Check that the service's ConfigMaps are used; those with labels may be for Grafana."""
    keys = ("configMapRef", "configMapKeyRef", "configMap")
    found = [one for key in keys for one in under(manifests, key) if isinstance(one, dict)]
    used = {one.get("name") for one in found}
    for one in manifests.of_kind("ConfigMap"):
        name, labels = one["metadata"]["name"], one["metadata"].get("labels")
        if name.startswith(manifests.name) and not labels and name not in used:
            yield f"ConfigMap {name!r} is used by no pod."


def named(manifests: Manifests, *kinds: str) -> set[str]:
    return {one["metadata"]["name"] for one in manifests.of_kind(*kinds)}


def secrets(manifests: Manifests) -> list[str]:
    """Return the names of the Secrets that have to be on the cluster already."""
    wanted = names_under(manifests, "secretRef") | names_under(manifests, "secretKeyRef")
    volumes = [one for one in under(manifests, "secret") if isinstance(one, dict)]
    wanted |= {one["secretName"] for one in volumes if "secretName" in one}
    pulling = [one for many in under(manifests, "imagePullSecrets") for one in many or []]
    wanted |= {one["name"] for one in pulling if "name" in one}
    return sorted(wanted - named(manifests, "Secret"))


def claims(manifests: Manifests) -> list[str]:
    """Return the names of the claims of volumes that have to be on the cluster already."""
    wanted = {one["claimName"] for one in under(manifests, "persistentVolumeClaim")}
    return sorted(wanted - named(manifests, "PersistentVolumeClaim"))


def in_secrets(manifests: Manifests) -> Iterator[str]:
    """Check that names are not those of others with a letter wrong: most exist elsewhere."""
    made = named(manifests, "Secret", "SealedSecret")
    for one in manifests.of_kind("ExternalSecret"):
        target: Block = one["spec"].get("target") or {}
        made.add(str(target.get("name") or one["metadata"]["name"]))
    documented = {manifests.name, f"{manifests.name}-redis"}
    for name in secrets(manifests):
        known = made if name in documented else made | documented
        for other in sorted(known) if name not in made else ():
            if is_misspelt(name, other):
                yield f"Secret {name!r} is used: is {other!r} meant?"


def in_keys(manifests: Manifests) -> Iterator[str]:
    """Check that ConfigMaps have what is taken out of them."""
    maps = {one["metadata"]["name"]: one for one in manifests.of_kind("ConfigMap")}
    wanted = [(one, one) for one in under(manifests, "configMapKeyRef")]
    wanted += [
        (one, item)
        for one in under(manifests, "configMap")
        if isinstance(one, dict)
        for item in one.get("items") or []
    ]
    for one, item in wanted:
        found = maps.get(one.get("name"))
        keys = {*(found or {}).get("data", {}), *(found or {}).get("binaryData", {})}
        if found and item.get("key") not in keys and not one.get("optional"):
            yield f"ConfigMap {one['name']!r} has no key {item.get('key')!r}."


def in_claims(manifests: Manifests) -> Iterator[str]:
    """Check that a volume of one node is not for pods of several."""
    there = {one["metadata"]["name"]: one for one in manifests.of_kind("PersistentVolumeClaim")}
    used = {one["claimName"] for one in under(manifests, "persistentVolumeClaim")}
    for name in sorted(used):
        for other in sorted(there):
            if name not in there and is_misspelt(name, other):
                yield f"PersistentVolumeClaim {name!r} is used: is {other!r} meant?"
    for name in used & there.keys():
        pods = sum(
            group.replicas
            for group in manifests.groups
            for one in values(group.pod, "persistentVolumeClaim")
            if one["claimName"] == name
        )
        if pods > 1 and {*there[name]["spec"].get("accessModes", [])} <= EXCLUSIVE:
            yield f"PersistentVolumeClaim {name!r} is for one node, and {pods} pods mount it."


def in_namespaces(manifests: Manifests) -> Iterator[str]:
    """Check that what belongs together is in one namespace, since names do not reach further."""
    for one in manifests.documents:
        name, own = one["metadata"]["name"], one["metadata"].get("namespace", "")
        if one["kind"] == "Namespace":
            if not any(each["metadata"].get("namespace") == name for each in manifests.documents):
                yield f"Namespace {name!r} is made, and nothing is in it."
        elif (
            own != manifests.namespace
            and f"{name}-".startswith(f"{manifests.name}-")
            and (one["kind"] in OF_ROUTES or is_of_kubernetes(one))
            and manifests.namespace not in {*values(one.get("spec"), "namespace")}
        ):
            yield (
                f"{one['kind']} {name!r} is in the namespace {own or 'default'!r}, and the service "
                f"in {manifests.namespace or 'default'!r}."
            )


def in_images(manifests: Manifests) -> Iterator[str]:
    """Check that all pods with the service's image have the same one."""
    image = str(manifests.head.container.get("image", ""))
    for owner, template in pod_templates(manifests.documents):
        for one in containers_of(template):
            other = str(one.get("image", ""))
            if other != image and repository_of(other) == repository_of(image):
                yield f"{owner}: {one['name']!r} runs {other}, and the service {image}."


def repository_of(image: str) -> str:
    """Return an image's name without tag and digest; a registry's port is no tag."""
    folder, slash, name = image.partition("@")[0].rpartition("/")
    return f"{folder}{slash}{name.partition(':')[0]}"


def in_scalers(manifests: Manifests) -> Iterator[str]:
    """Check what scales something: KubeRay's own kinds have no number that others could set."""
    for one in manifests.documents:
        for target in values(one.get("spec"), "scaleTargetRef"):
            what = f"{one['kind']} {one['metadata']['name']!r}"
            kind, name = target.get("kind", "Deployment"), target.get("name")
            if kind in {"RayService", "RayCluster"}:
                yield f"{what} cannot scale a {kind}: the component `autoscaling` does."
            elif kind in {"Deployment", "StatefulSet"} and name not in named(manifests, kind):
                yield f"{what} scales the {kind} {name!r}, which does not exist."


def in_routes(manifests: Manifests) -> Iterator[str]:
    for route in manifests.of_kind("HTTPRoute", "GRPCRoute", "Ingress"):
        yield from in_route(manifests, route)


def in_route(manifests: Manifests, route: Block) -> Iterator[str]:
    """Check what leads to the service. A route of its name must; others may lead elsewhere too."""
    kind, service, ports = route["kind"], manifests.serve_service, serving_ports(manifests.head)
    is_own = route["metadata"]["name"] == manifests.name
    backends = backends_of(route)
    if is_own and kind != "Ingress" and not route["spec"].get("parentRefs"):
        yield f"{kind} {manifests.name!r} names no gateway in parentRefs."
    if is_own and not backends:
        yield f"{kind} {manifests.name!r} has no backendRefs: it needs {service}."
    leads = any(name == service for name, _ in backends)
    others = {f"{manifests.name}-head-svc", *named(manifests, "Service")}
    for name, port in backends:
        if name == service:
            if port not in {*ports, *ports.values()}:
                yield f"A route leads to port {port}, which the head does not name."
            elif is_own and port != ports.get(OF_ROUTES.get(kind, ""), port):
                yield f"{kind} {manifests.name!r} leads to port {port}, which is not its own."
        elif name not in others and (name.startswith(manifests.name) or (is_own and not leads)):
            yield f"A route leads to {name!r}, and KubeRay makes {service}."


def backends_of(route: Block) -> list[tuple[str, Any]]:
    """Return the Services that a route leads to, with their ports: numbers, or names."""
    found = [one for many in values(route, "backendRefs") for one in many or []]
    ports: list[Block] = [*values(route, "service")]
    return [(str(one.get("name")), one.get("port")) for one in found] + [
        (str(one.get("name")), port.get("number", port.get("name")))
        for one in ports
        for port in [one.get("port") or {}]
    ]
