"""`make manifests` names what leads nowhere: names, selectors, routes, ports, namespaces."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from servekit.commands.manifests.checks import write
from servekit.commands.manifests.rules import Manifests

from tests.kubernetes.edits import (
    NAMES,
    OVERLAYS,
    OWN_PODS,
    Edit,
    added,
    changed,
    expect_mistake,
    named,
    one_of,
    one_of_settings,
    outgoing,
    overlay,
    pod,
    ray,
    said_of,
    volume,
)

CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: models}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
SCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: scaler}
spec: {maxReplicas: 2, scaleTargetRef: {apiVersion: any/v1, kind: KIND, name: NAME}}
"""
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: acme-service}
spec:
  rules:
    - http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: NAME, port: {number: PORT}}}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: acme-service-public}
spec:
  type: LoadBalancer
  selector: {app.kubernetes.io/instance: acme-service, ray.io/node-type: TYPE}
  ports: [{port: 80, targetPort: PORT}]
"""
WITHOUT_PORTS = """
apiVersion: v1
kind: Service
metadata: {name: elsewhere}
spec: {type: ExternalName, externalName: redis.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: pods}
spec: {clusterIP: None, selector: {app.kubernetes.io/name: redis}}
"""
MONITOR = """
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: acme-service}
spec:
  selector: {matchLabels: {app.kubernetes.io/instance: acme-service}}
  endpoints: [{port: metrics}]
"""
EXTERNAL = """
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: acme-service}
spec: {target: {name: NAME}}
"""


def filled(text: str, **words: object) -> Edit:
    """Add a resource in which words in capitals are replaced."""
    for word, value in words.items():
        text = text.replace(word, str(value))
    return lambda made: added(made, text)


def move(kind: str, name: str = "acme-service") -> Edit:
    return lambda made: one_of(made, kind, name)["metadata"].update(namespace="default")


def labels_of(manifests: Manifests, kind: str, name: str) -> dict[str, str]:
    """What a resource selects by."""
    spec = one_of(manifests, kind, name)["spec"]
    selector = spec.get("podSelector") or spec["selector"]
    return selector.get("matchLabels", selector)


def backend(manifests: Manifests, kind: str) -> dict[str, Any]:
    return one_of(manifests, kind)["spec"]["rules"][-1]["backendRefs"][0]


def secret_of_redis(manifests: Manifests) -> dict[str, Any]:
    return manifests.cluster["gcsFaultToleranceOptions"]["redisPassword"]["valueFrom"][
        "secretKeyRef"
    ]


def key(manifests: Manifests, name: str) -> None:
    """Ask for a key of the ConfigMap."""
    there = manifests.of_kind("ConfigMap")[0]["metadata"]["name"]
    one = {"configMapKeyRef": {"name": there, "key": name}}
    ray(manifests)["env"].append({"name": "ONE", "valueFrom": one})


def claimed(manifests: Manifests, name: str) -> None:
    added(manifests, CLAIM)
    volume(manifests, "more", "/more", persistentVolumeClaim={"claimName": name})


def beside_a_redis(manifests: Manifests, *, own: bool) -> None:
    """What may go out leads to pods of the service alone; Redis is, or is not, among these."""
    redis = named(manifests, "Deployment", "redis")["spec"]["template"]
    redis["metadata"]["labels"].pop("app.kubernetes.io/component")
    if own:
        redis["metadata"]["labels"]["app.kubernetes.io/instance"] = "acme-service"
    ports = one_of(manifests, "Service", "redis")["spec"]["ports"]
    ports.append({"name": "cache", "port": 6380, "targetPort": 6379})
    manifests.cluster["gcsFaultToleranceOptions"]["redisAddress"] = "redis:6379"
    one_of_settings(manifests)["CACHE_URL"] = "redis://redis.acme.svc:6380/0"
    own_and_names = (
        {**OWN_PODS, "ports": [{"port": 6379}, {"port": 10000, "endPort": 60000}]},
        NAMES,
    )
    outgoing(*own_and_names, {"ports": [{"port": 5432}, {"port": 443}]})(manifests)


SEEDS: dict[str, tuple[Edit, str]] = {
    "a misspelt Secret": (
        lambda m: [
            ray(m, group)["envFrom"][0]["secretRef"].update(name="acme-servce") for group in (0, 1)
        ],
        "Secret 'acme-servce' is used: is 'acme-service' meant?",
    ),
    "a misspelt Secret of Redis": (
        lambda m: secret_of_redis(m).update(name="acme-service-reddis"),
        "Secret 'acme-service-reddis' is used: is 'acme-service-redis' meant?",
    ),
    "a Secret that is made under another name": (
        filled(EXTERNAL, NAME="acme-services"),
        "Secret 'acme-service' is used: is 'acme-services' meant?",
    ),
    "a key that a ConfigMap lacks": (
        lambda m: key(m, "NONE"),
        "' has no key 'NONE'.",
    ),
    "a claim for one node": (
        lambda m: claimed(m, "models"),
        "PersistentVolumeClaim 'models' is for one node, and 2 pods mount it.",
    ),
    "a misspelt claim": (
        lambda m: claimed(m, "modles"),
        "PersistentVolumeClaim 'modles' is used: is 'models' meant?",
    ),
    "a Job with another image": (
        lambda m: named(m, "Job", "acme")["spec"]["template"]["spec"]["containers"][0].update(
            image="acme-service:0.0.9"
        ),
        "'migrate' runs acme-service:0.0.9, and the service acme-service:1.2.3.",
    ),
    "a Job that starts again": (
        lambda m: named(m, "Job", "acme")["spec"]["template"]["spec"].update(
            restartPolicy="Always"
        ),
        "template.spec.restartPolicy: a Job takes OnFailure or Never.",
    ),
    "a scaler of KubeRay's kinds": (
        filled(SCALER, KIND="RayCluster", NAME="acme-service"),
        "HorizontalPodAutoscaler 'scaler' cannot scale a RayCluster",
    ),
    "a scaler of nothing": (
        filled(SCALER, KIND="Deployment", NAME="reddis"),
        "scales the Deployment 'reddis', which does not exist.",
    ),
    "an Ingress to another port": (
        filled(INGRESS, NAME="acme-service-serve-svc", PORT=80),
        "A route leads to port 80, which the head does not name.",
    ),
    "an Ingress to no Service": (
        filled(INGRESS, NAME="acme-service", PORT=8000),
        "A route leads to 'acme-service', and KubeRay makes acme-service-serve-svc.",
    ),
    "a misspelt backend of another route": (
        lambda m: (
            backend(m, "HTTPRoute").update(name="acme-service-serve-scv")
            or one_of(m, "HTTPRoute")["metadata"].update(name="public")
        ),
        "A route leads to 'acme-service-serve-scv', and KubeRay makes acme-service-serve-svc.",
    ),
    "a route of HTTP to gRPC": (
        lambda m: backend(m, "HTTPRoute").update(port=9000),
        "HTTPRoute 'acme-service' leads to port 9000, which is not its own.",
    ),
    "a route of gRPC to HTTP": (
        lambda m: backend(m, "GRPCRoute").update(port=8000),
        "GRPCRoute 'acme-service' leads to port 8000, which is not its own.",
    ),
    "a route without backends": (
        lambda m: one_of(m, "HTTPRoute")["spec"]["rules"][1].pop("backendRefs"),
        "HTTPRoute 'acme-service' has no backendRefs: it needs acme-service-serve-svc.",
    ),
    "a route without a gateway": (
        lambda m: one_of(m, "HTTPRoute")["spec"].pop("parentRefs"),
        "HTTPRoute 'acme-service' names no gateway in parentRefs.",
    ),
    "a Service of another name": (
        lambda m: m.service["spec"]["serveService"]["metadata"].update(name="web"),
        "A route leads to 'acme-service-serve-svc', and KubeRay makes web.",
    ),
    "a budget elsewhere": (
        move("PodDisruptionBudget"),
        "PodDisruptionBudget 'acme-service' is in the namespace 'default', and the service in",
    ),
    "a policy elsewhere": (
        move("NetworkPolicy", "acme-service-head"),
        "NetworkPolicy 'acme-service-head' is in the namespace 'default'",
    ),
    "a route elsewhere": (
        move("HTTPRoute"),
        "HTTPRoute 'acme-service' is in the namespace 'default'",
    ),
    "a namespace of nothing": (
        lambda m: m.of_kind("Namespace")[0]["metadata"].update(name="other"),
        "Namespace 'other' is made, and nothing is in it.",
    ),
    "a Service of misspelt pods": (
        lambda m: labels_of(m, "Service", "redis").update({"app.kubernetes.io/name": "rediss"}),
        "Service 'redis' selects no pod.",
    ),
    "a Service of no workers": (
        filled(SERVICE, TYPE="workers", PORT=8000),
        "Service 'acme-service-public' selects no pod.",
    ),
    "a Service to no port": (
        filled(SERVICE, TYPE="worker", PORT=80),
        "Service 'acme-service-public' leads to the port 80, which its pods do not have.",
    ),
    "a Service to a port without a name": (
        lambda m: one_of(m, "Service", "redis")["spec"]["ports"][0].update(targetPort="redis"),
        "Service 'redis' leads to the port 'redis', which its pods do not have.",
    ),
    "a policy of misspelt pods": (
        lambda m: labels_of(m, "NetworkPolicy", "backends").update(
            {"app.kubernetes.io/component": "backends"}
        ),
        "NetworkPolicy 'backends' selects no pod.",
    ),
    "a Deployment of other pods": (
        lambda m: labels_of(m, "Deployment", "redis").update({"app.kubernetes.io/name": "r"}),
        "Deployment 'redis' does not select its own pods.",
    ),
    "a monitor of Services by the labels of pods": (
        filled(MONITOR),
        "ServiceMonitor 'acme-service' selects no Service.",
    ),
    "a monitor without an endpoint": (
        lambda m: one_of(m, "PodMonitor")["spec"].pop("podMetricsEndpoints"),
        "The head has no port None for Prometheus.",
    ),
    "alerts on another service": (
        lambda m: [
            one.update(expr=one["expr"].replace("acme-service", "acme"))
            for one in one_of(m, "PrometheusRule", "acme-service-upgrades")["spec"]["groups"][0][
                "rules"
            ]
        ],
        "asks for the RayService 'acme', and this one is 'acme-service'.",
    ),
    "an address of no port": (
        lambda m: one_of_settings(m).update(CACHE_URL="redis://redis:6380/0"),
        "CACHE_URL leads to port 6380 of 'redis', which has [6379].",
    ),
    "an address with a letter too many": (
        lambda m: one_of_settings(m).update(CACHE_URL="redis://rediss/0"),
        "CACHE_URL leads to 'rediss': is the Service 'redis' meant?",
    ),
    "settings that are not used": (
        lambda m: (
            [ray(m, group)["envFrom"].pop(1) for group in range(3)]
            and named(m, "Job", "acme")["spec"]["template"]["spec"]["containers"][0]["envFrom"].pop(
                1
            )
        ),
        "' is used by no pod.",
    ),
    "a budget of nothing": (
        lambda m: one_of(m, "PodDisruptionBudget")["spec"].update(minAvailable=0),
        "PodDisruptionBudget 'acme-service' keeps 0 workers: it holds up no drain.",
    ),
    "two budgets of a group": (
        lambda m: m.documents.append(
            one_of(m, "PodDisruptionBudget") | {"metadata": {"name": "acme-service-more"}}
        ),
        "The group 'serve' is in several budgets, and Kubernetes then lets no pod of it go.",
    ),
    "names that cannot be resolved": (
        outgoing(OWN_PODS, {"ports": [{"port": 6379}, {"port": 5432}]}),
        "The group 'serve' can resolve no name: `egress` needs port 53 by UDP.",
    ),
    "nodes that do not reach each other": (
        outgoing(NAMES, {"ports": [{"port": 6379}]}),
        "The group 'serve' does not reach the head: Ray's nodes would not meet.",
    ),
    "a Redis that is none of the pods that are reached": (
        lambda m: beside_a_redis(m, own=False),
        "The head does not reach port 6379, where redisAddress is: `egress` needs it.",
    ),
    "a Redis that is not reached": (
        outgoing(OWN_PODS, NAMES),
        "The head does not reach port 6379, where redisAddress is: `egress` needs it.",
    ),
}


@pytest.mark.parametrize(("edit", "sentence"), SEEDS.values(), ids=SEEDS)
def test_a_mistake_is_named(everything: Manifests, edit: Edit, sentence: str) -> None:
    expect_mistake(everything, edit, sentence)


def own_budgets(manifests: Manifests) -> None:
    """A budget for each group."""
    budget = one_of(manifests, "PodDisruptionBudget")
    manifests.workers[1].spec.update(minReplicas=2, replicas=2)
    for one in manifests.deployments:
        if one["name"] == "language":
            one["autoscaling_config"] |= {"min_replicas": 2}
    for group in ("serve", "gpu"):
        one = deepcopy(budget)
        one["metadata"]["name"] = f"acme-service-{group}"
        one["spec"]["selector"]["matchLabels"]["ray.io/group"] = group
        manifests.documents.append(one)
    manifests.documents.remove(budget)


DASHBOARD = """
apiVersion: v1
kind: ConfigMap
metadata: {name: acme-service-dashboard, labels: {grafana_dashboard: "1"}}
data: {board.json: "{}"}
"""
ELSEWHERE = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cache-2}
spec: {podSelector: {matchLabels: {app.kubernetes.io/name: redis-2}}, policyTypes: [Ingress]}
"""

FINE: dict[str, Edit] = {
    "a Secret with a number": lambda m: secret_of_redis(m).update(name="acme-service-redis-2"),
    "a Secret of a team": lambda m: secret_of_redis(m).update(name="acme-service-keys"),
    "a Secret that is made here": filled(EXTERNAL, NAME="acme-service"),
    "a key of a ConfigMap": lambda m: key(m, "MODEL_STORE"),
    "a claim that is there": lambda m: volume(
        m, "more", "/more", persistentVolumeClaim={"claimName": "models"}
    ),
    "the certificates of the cluster": lambda m: volume(
        m, "ca", "/ca", configMap={"name": "kube-root-ca.crt"}
    ),
    "an Ingress by the name of the port": lambda m: added(
        m,
        INGRESS.replace("NAME", "acme-service-serve-svc").replace("number: PORT", "name: serve"),
    ),
    "an Ingress to a Service of its own": lambda m: (
        added(m, SERVICE.replace("TYPE", "worker").replace("PORT", "serve"))
        or added(m, INGRESS.replace("NAME", "acme-service-public").replace("PORT", "80"))
    ),
    "a scaler of a Deployment": filled(SCALER, KIND="Deployment", NAME="redis"),
    "a monitor in the namespace of Prometheus": lambda m: (
        one_of(m, "PodMonitor")["metadata"].update(namespace="monitoring")
        or one_of(m, "PodMonitor")["spec"].update(namespaceSelector={"any": True})
    ),
    "a route in the namespace of the gateway": lambda m: (
        one_of(m, "HTTPRoute")["metadata"].update(namespace="gateway")
        or backend(m, "HTTPRoute").update(namespace="acme")
    ),
    "a Redis elsewhere": lambda m: one_of_settings(m).update(
        CACHE_URL="redis://redis.cache.svc.cluster.local:6380/0"
    ),
    "a Redis behind a name alone": lambda m: (
        added(m, WITHOUT_PORTS)
        or one_of_settings(m).update(
            CACHE_URL="redis://elsewhere:6379/0", RATE_LIMIT_URL="redis://pods:6379/0"
        )
    ),
    "a dashboard for Grafana": filled(DASHBOARD),
    "a policy of something else": lambda m: added(m, ELSEWHERE),
    "a budget for each group": own_budgets,
    "a Redis with the labels of the service": lambda m: beside_a_redis(m, own=True),
    "what is needed may go out": outgoing(
        OWN_PODS, NAMES, {"ports": [{"port": 6379}, {"port": 5432}, {"port": 443}]}
    ),
    "addresses may be reached": outgoing(
        OWN_PODS, NAMES, {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}
    ),
    "pods chosen by affinity": lambda m: pod(m).update(
        affinity={
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "topologyKey": "kubernetes.io/hostname",
                        "labelSelector": {"matchLabels": {"app": "noisy"}},
                    }
                ]
            }
        }
    ),
}


@pytest.mark.parametrize("edit", FINE.values(), ids=FINE)
def test_what_leads_somewhere_is_not_refused(everything: Manifests, edit: Edit) -> None:
    assert said_of(changed(everything, edit)) == []


OF_A_TEAM = """
namespace: team
resources: [../../base, claim.yaml]
components: [../../components/gateway, ../../components/model-volume]
images:
  - {name: acme-service, newName: "registry.team.example:5000/group/acme-service", newTag: 2-cuda}
configMapGenerator:
  - {name: acme-service, behavior: merge, literals: [PARTNER_URL=https://partner.team.example]}
  - {name: lists, literals: [words=a]}
patches:
  - target: {kind: RayService}
    patch: |-
      - op: add
        path: /spec/rayClusterConfig/workerGroupSpecs/0/template/spec/nodeSelector
        value: {topology.kubernetes.io/zone: a, pool: serving}
      - op: add
        path: /spec/rayClusterConfig/workerGroupSpecs/0/template/spec/volumes/-
        value: {name: lists, configMap: {name: lists, items: [{key: words, path: words}]}}
      - op: add
        path: /spec/rayClusterConfig/workerGroupSpecs/0/template/spec/containers/0/volumeMounts/-
        value: {name: lists, mountPath: /lists, readOnly: true}
      - op: replace
        path: /spec/rayClusterConfig/workerGroupSpecs/0/template/spec/volumes/1
        value: {name: models, persistentVolumeClaim: {claimName: models}}
      - op: copy
        from: /spec/rayClusterConfig/workerGroupSpecs/0
        path: /spec/rayClusterConfig/workerGroupSpecs/-
      - {op: replace, path: /spec/rayClusterConfig/workerGroupSpecs/1/groupName, value: large}
      - op: add
        path: /spec/rayClusterConfig/workerGroupSpecs/1/rayStartParams/resources
        value: '"{\\"large\\": 2}"'
      - op: add
        path: /spec/serveConfigV2/applications
        value:
          - name: default
            deployments: [{name: language, ray_actor_options: {resources: {large: 1}}}]
"""
CLAIMED = {
    "target": {"kind": "RayService"},
    "patch": yaml.safe_dump(
        [
            {
                "op": "replace",
                "path": "/spec/rayClusterConfig/workerGroupSpecs/0/template/spec/volumes/1",
                "value": {"name": "models", "persistentVolumeClaim": {"claimName": "models"}},
            }
        ]
    ),
}
"""A claim that is elsewhere, in place of the pod's own volume."""


def test_the_overlay_of_a_team_is_not_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = folder / OVERLAYS / "team"
    own.mkdir()
    (own / "kustomization.yaml").write_text(OF_A_TEAM, encoding="utf-8")
    (own / "claim.yaml").write_text(CLAIM.replace("ReadWriteOnce", "ReadWriteMany"), "utf-8")
    assert write("team", folder / "made")
    assert "first: acme-service." in capsys.readouterr().out
    name = overlay(folder, "model-volume", "gateway", patches=[CLAIMED])
    assert write(name, folder / "made")
    said = capsys.readouterr().out
    assert "Create these PersistentVolumeClaims on the cluster first: models." in said
