"""Overlays and edits of manifests, as a team would make them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from servekit.commands.manifests.checks import manifests_of, mistakes
from servekit.commands.manifests.completion import the_service
from servekit.commands.manifests.kustomize import ManifestsError
from servekit.commands.manifests.rules import Manifests
from servekit.testing.subprocesses import PROJECT

OVERLAYS = Path("deploy/kubernetes/overlays")


COMPONENTS = sorted(
    (
        path.name
        for path in (PROJECT / "deploy/kubernetes/components").iterdir()
        if path.name != "grpc"
    ),
    key=lambda name: (name == "gpu", name),
)


IMAGE = {"images": [{"name": "acme-service", "newTag": "1.2.3"}]}


WITH_A_GPU = {
    "target": {"kind": "RayService"},
    "patch": yaml.safe_dump(
        [
            {
                "op": "add",
                "path": "/spec/serveConfigV2/applications",
                "value": [
                    {
                        "name": "default",
                        "deployments": [
                            {"name": "language", "ray_actor_options": {"num_gpus": 1}},
                        ],
                    }
                ],
            }
        ]
    ),
}
"""A model that asks for a GPU."""


REDIS = {
    "target": {"kind": "RayService"},
    "patch": yaml.safe_dump(
        [
            {
                "op": "replace",
                "path": "/spec/rayClusterConfig/gcsFaultToleranceOptions/redisAddress",
                "value": "redis.example.com:6379",
            }
        ]
    ),
}
"""Another Redis than that of the component `backends`."""


Edit = Callable[[Manifests], object]


def changed(manifests: Manifests, edit: Edit) -> Manifests:
    documents = deepcopy([*manifests.documents])
    copy = Manifests(documents, the_service(documents), deepcopy(manifests.serve))
    edit(copy)
    return copy


def overlay(folder: Path, *components: str, **more: object) -> str:
    """The base with these components, as an overlay."""
    kustomization = {
        "resources": ["../../base"],
        "components": [f"../../components/{name}" for name in components],
    }
    name = "-".join(["with", *components])
    (folder / OVERLAYS / name).mkdir(exist_ok=True)
    text = yaml.safe_dump(kustomization | IMAGE | more)
    (folder / OVERLAYS / name / "kustomization.yaml").write_text(text, encoding="utf-8")
    return name


@contextmanager
def edited_production(folder: Path, file: str, old: str, new: str) -> Iterator[Manifests]:
    """The overlay `production` of a project in which a file is edited."""
    before = edited(folder / file, old, new)
    try:
        yield manifests_of("production")
    finally:
        (folder / file).write_text(before, encoding="utf-8")


def pod(manifests: Manifests, group: int = 1) -> dict[str, Any]:
    return manifests.groups[group].pod


def ray(manifests: Manifests, group: int = 1) -> dict[str, Any]:
    return manifests.groups[group].container


def workers(manifests: Manifests, **changes: object) -> None:
    manifests.workers[0].spec.update(changes)


def set_env(manifests: Manifests, name: str, value: str, group: int = 1) -> None:
    entries = [one for one in ray(manifests, group)["env"] if one["name"] != name]
    ray(manifests, group)["env"] = [*entries, {"name": name, "value": value}]


def one_of(manifests: Manifests, kind: str, name: str = "acme-service") -> dict[str, Any]:
    [found] = [one for one in manifests.of_kind(kind) if one["metadata"]["name"] == name]
    return found


def ports_named(manifests: Manifests, group: int, **ports: int) -> None:
    for one in ray(manifests, group)["ports"]:
        one["containerPort"] = ports.get(one["name"], one["containerPort"])


def ingress_rules(manifests: Manifests, role: str) -> list[dict[str, Any]]:
    return one_of(manifests, "NetworkPolicy", f"acme-service-{role}")["spec"]["ingress"]


def deployments(manifests: Manifests, **changes: object) -> None:
    for one in manifests.deployments:
        one.update(changes)


def of_model(manifests: Manifests, **options: object) -> None:
    [block] = [one for one in manifests.deployments if one["name"] == "language"]
    block["ray_actor_options"] |= options


def one_of_settings(manifests: Manifests) -> dict[str, str]:
    [found] = manifests.of_kind("ConfigMap")
    return found["data"]


def policies(manifests: Manifests, **changes: object) -> None:
    for role in ("head", "workers"):
        one_of(manifests, "NetworkPolicy", f"acme-service-{role}")["spec"].update(changes)


def of_redis(kind: str) -> dict[str, Any]:
    """A budget or a monitor of something else."""
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app.kubernetes.io/name": "redis"}}}
    group, more = {
        "PodDisruptionBudget": ("policy/v1", {"maxUnavailable": 1}),
        "PodMonitor": ("monitoring.coreos.com/v1", {"podMetricsEndpoints": [{"port": "m"}]}),
    }[kind]
    return {"apiVersion": group, "kind": kind, "metadata": {"name": "redis"}, "spec": spec | more}


def cron_job(manifests: Manifests, **changes: object) -> dict[str, Any]:
    """What the Job runs, once more at times."""
    [job] = manifests.of_kind("Job")
    template: dict[str, Any] = deepcopy(job["spec"]["template"])
    template["spec"] |= changes
    spec = {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": template}}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "clean"},
        "spec": spec,
    }


def pools(manifests: Manifests, text: str) -> None:
    """Workers with a resource of their own, and a model that asks for it."""
    workers(manifests, rayStartParams={"resources": text})
    of_model(manifests, resources={"large": 1})


def of(manifests: Manifests, **changes: object) -> None:
    [block] = [one for one in manifests.deployments if one["name"] == "language"]
    block |= changes


def edited(file: Path, old: str, new: str) -> str:
    """What the file was before it was edited."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    return text


def said_of(manifests: Manifests) -> list[str]:
    """The sentences about all mistakes."""
    try:
        return list(mistakes(manifests))
    except ManifestsError as error:
        return [str(error)]


def expect_mistake(manifests: Manifests, edit: Edit, sentence: str) -> None:
    """Edit a copy, and find the sentence in what is said of it."""
    found = said_of(changed(manifests, edit))
    assert [one for one in found if sentence in one], found


def named(manifests: Manifests, kind: str, name: str) -> dict[str, Any]:
    """The one resource whose name begins so."""
    [found] = [one for one in manifests.of_kind(kind) if one["metadata"]["name"].startswith(name)]
    return found


def params(manifests: Manifests, group: int, **changes: str) -> None:
    """Change `rayStartParams`."""
    said = manifests.groups[group].spec["rayStartParams"]
    said |= {key.replace("_", "-"): value for key, value in changes.items()}


def redis(manifests: Manifests) -> dict[str, Any]:
    """The pod of the component `backends`."""
    return named(manifests, "Deployment", "redis")["spec"]["template"]["spec"]


def volume(
    manifests: Manifests, name: str, path: str, *, group: int = 1, **kind: dict[str, Any]
) -> None:
    """Give a group a volume and its mount."""
    pod(manifests, group)["volumes"].append({"name": name, **kind})
    ray(manifests, group)["volumeMounts"].append({"name": name, "mountPath": path})


def sidecar(manifests: Manifests, **changes: Any) -> None:
    """Give the workers another container."""
    small = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "32Mi"}}
    context = deepcopy(ray(manifests)["securityContext"])
    one = {"name": "log", "image": "fluent:1", "resources": small, "securityContext": context}
    pod(manifests)["containers"].append(one | changes)


def added(manifests: Manifests, text: str) -> None:
    """Add resources, in the namespace of the service."""
    metadata = manifests.service["metadata"]
    there = {key: one for key, one in metadata.items() if key == "namespace"}
    for one in yaml.safe_load_all(text):
        one["metadata"] = there | one["metadata"]
        manifests.documents.append(one)


def outgoing(*rules: dict[str, Any]) -> Edit:
    """Limit what goes out to these rules."""
    return lambda made: policies(made, policyTypes=["Ingress", "Egress"], egress=deepcopy([*rules]))


OWN_PODS: dict[str, Any] = {
    "to": [{"podSelector": {"matchLabels": {"app.kubernetes.io/instance": "acme-service"}}}]
}
NAMES: dict[str, Any] = {
    "to": [{"namespaceSelector": {}}],
    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}],
}
