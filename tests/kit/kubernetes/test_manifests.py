"""`make manifests` names what is wrong, before a cluster does."""

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from servekit.commands.check_config.strict_yaml import ConfigurationError
from servekit.commands.manifests.checks import manifests_of, mistakes, write
from servekit.commands.manifests.completion import the_service
from servekit.commands.manifests.kustomize import ManifestsError
from servekit.commands.manifests.references import secrets
from servekit.commands.manifests.rules import Manifests
from servekit.commands.manifests.written import as_yaml
from servekit.testing.subprocesses import PROJECT

from tests.kubernetes.edits import (
    COMPONENTS,
    OVERLAYS,
    REDIS,
    WITH_A_GPU,
    Edit,
    changed,
    cron_job,
    deployments,
    edited,
    edited_production,
    expect_mistake,
    ingress_rules,
    of,
    of_model,
    of_redis,
    one_of,
    one_of_settings,
    overlay,
    pod,
    policies,
    pools,
    ports_named,
    ray,
    said_of,
    set_env,
    workers,
)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("overlay", ["local", "production"])
def test_an_overlay_of_the_project_has_no_mistakes(overlay: str) -> None:
    assert list(mistakes(manifests_of(overlay))) == []


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_fits_the_base(folder: Path, component: str) -> None:
    more = {"patches": [WITH_A_GPU]} if component == "gpu" else {}
    assert list(mistakes(manifests_of(overlay(folder, component, **more)))) == []


def test_all_components_fit_together(folder: Path) -> None:
    made = manifests_of(overlay(folder, *COMPONENTS, patches=[WITH_A_GPU, REDIS]))
    assert list(mistakes(made)) == []
    [job] = made.of_kind("Job")
    assert re.fullmatch("acme-service-migrate-1-2-3-[0-9a-f]{10}", job["metadata"]["name"])
    alerts = yaml.safe_load((PROJECT / "deploy/prometheus/alerts.yml").read_text("utf-8"))
    assert alerts in [one["spec"] for one in made.of_kind("PrometheusRule")]


def test_a_pool_is_copied_with_its_volumes(folder: Path) -> None:
    more = {"patches": [WITH_A_GPU]}
    [sentence] = mistakes(manifests_of(overlay(folder, "gpu", "model-volume", **more)))
    assert sentence == "The group 'gpu' has no volume at MODEL_CACHE, which is /models."
    assert list(mistakes(manifests_of(overlay(folder, "model-volume", "gpu", **more)))) == []


def test_a_head_does_not_rely_on_a_redis_that_forgets(folder: Path) -> None:
    [sentence] = mistakes(manifests_of(overlay(folder, "backends", "fault-tolerance")))
    assert "redisAddress is 'redis' of the component `backends`" in sentence


def test_the_service_is_that_of_serve_yaml_but_for_the_changes(production: Manifests) -> None:
    serve = yaml.safe_load((PROJECT / "serve.yaml").read_text("utf-8"))
    serve["http_options"]["host"] = "0.0.0.0"
    for application in serve["applications"]:
        application["args"]["build"] = "0.1.0"
        for one in application["deployments"]:
            one |= {"num_replicas": 3, "max_replicas_per_node": 1, "max_surge_percent": 0}
    assert yaml.safe_load(production.service["spec"]["serveConfigV2"]) == serve


def test_secrets_are_named_and_not_held(production: Manifests) -> None:
    assert production.of_kind("Secret") == []
    assert secrets(production) == ["acme-service", "acme-service-redis"]


def test_changed_settings_make_a_new_name(folder: Path, production: Manifests) -> None:
    file = folder / OVERLAYS / "production/settings.env"
    kept = file.read_text(encoding="utf-8")
    file.write_text(f"{kept}API_LOG_LEVEL=DEBUG\n".replace("API_LOG_LEVEL=INFO\n", ""), "utf-8")
    other = manifests_of("production")
    file.write_text(kept, encoding="utf-8")
    names = [
        [one["configMapRef"]["name"] for one in group.container["envFrom"] if "configMapRef" in one]
        for made in (production, other)
        for group in made.groups
    ]
    assert names[0] == names[1] != names[2] == names[3]


PRODUCTION = f"{OVERLAYS}/production/kustomization.yaml"
DIGEST = f"digest: sha256:{32 * 'a1'}"


def job_of(manifests: Manifests) -> str:
    [job] = manifests.of_kind("Job")
    return job["metadata"]["name"]


def test_the_name_of_a_job_follows_its_content(folder: Path, production: Manifests) -> None:
    changes = [(PRODUCTION, "newTag: 0.1.0", DIGEST)]
    changes += [(f"{OVERLAYS}/production/settings.env", "LEVEL=INFO", "LEVEL=DEBUG")]
    names = [job_of(production), job_of(manifests_of("production"))]
    for file, old, new in changes:
        with edited_production(folder, file, old, new) as made:
            names.append(job_of(made))
    assert names[0] == names[1]
    assert len({*names}) == 3
    assert [one for one in names if len(one) > 63] == []


def test_a_job_comes_after_what_it_needs(production: Manifests) -> None:
    def waves(*kinds: str) -> set[int]:
        key = "argocd.argoproj.io/sync-wave"
        found = [one["metadata"].get("annotations", {}) for one in production.of_kind(*kinds)]
        return {int(one.get(key, 0)) for one in found}

    assert waves("Namespace", "ServiceAccount", "ConfigMap") == {-2}
    assert waves("Job") == {-1}
    assert waves("RayService") == {0}


def test_a_placement_without_deployments_has_no_blocks_of_them(folder: Path) -> None:
    change = ("serve.yaml", "placement: separate", "placement: inline")
    with edited_production(folder, *change) as made:
        assert list(mistakes(made)) == []
    [application] = yaml.safe_load(made.service["spec"]["serveConfigV2"])["applications"]
    assert [one["name"] for one in application["deployments"]] == ["ingress"]


NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
"""A number of JSON: every reader of YAML takes it for the same."""


def doubtful(text: str) -> list[str]:
    """Values without quotes that readers of YAML take for different things."""
    plain = [one.value for one in yaml.scan(text) if getattr(one, "plain", False)]
    return [
        one for one in plain if re.match("[-+.]?[0-9]|[yn]$", one) and not NUMBER.fullmatch(one)
    ]


@pytest.mark.parametrize("tag", ["12345e7", "0123489", "0o17", "1_000", "2026-11-30", "1:30", "y"])
def test_texts_that_look_like_numbers_are_quoted(folder: Path, tag: str) -> None:
    with edited_production(folder, PRODUCTION, "newTag: 0.1.0", f'newTag: "{tag}"'):
        assert write("production", folder / "made")
    text = (folder / "made/production.yaml").read_text("utf-8")
    service = the_service([*yaml.safe_load_all(text)])
    assert f"build: '{tag}'" in service["spec"]["serveConfigV2"]
    assert [*doubtful(text), *doubtful(service["spec"]["serveConfigV2"])] == []


# What can be wrong with the resources, each as an edit and what is said of it.


SEEDS: dict[str, tuple[Edit, str]] = {
    "a misspelt key of KubeRay": (
        lambda m: workers(m, minReplica=1),
        "Unknown key 'spec.rayClusterConfig.workerGroupSpecs.0.minReplica'",
    ),
    "a gated key of KubeRay": (
        lambda m: m.cluster.update(networkPolicy={"mode": "DenyAll"}),
        "Unknown key 'spec.rayClusterConfig.networkPolicy', or one that KubeRay leaves off",
    ),
    "a number that is a text": (
        lambda m: workers(m, replicas="3"),
        "workerGroupSpecs.0.replicas: Input should be a valid integer.",
    ),
    "a misspelt strategy": (
        lambda m: m.service["spec"]["upgradeStrategy"].update(type="NewClusters"),
        "spec.upgradeStrategy.type: Input should be",
    ),
    "a template that is gone": (
        lambda m: m.workers[0].spec["template"]["spec"].pop("containers"),
        "'containers' is a required property",
    ),
    "a misspelt key of a pod": (
        lambda m: ray(m)["readinessProbe"].update(failureTreshold=1),
        "('failureTreshold' was unexpected)",
    ),
    "a misspelt key of a policy": (
        lambda m: ingress_rules(m, "head")[0].update(form=[]),
        "('form' was unexpected)",
    ),
    "a quantity that is none": (
        lambda m: ray(m)["resources"]["requests"].update(cpu="four"),
        "'four' is not a quantity",
    ),
    "settings that do not exist": (
        lambda m: one_of(m, "ServiceAccount")["metadata"].update(name="other"),
        "ServiceAccount 'acme-service' is used, and does not exist.",
    ),
    "a ConfigMap that does not exist": (
        lambda m: [
            ray(m, group)["envFrom"].append({"configMapRef": {"name": "more"}}) for group in (0, 1)
        ],
        "ConfigMap 'more' is used, and does not exist.",
    ),
    "a Secret of one group alone": (
        lambda m: ray(m)["envFrom"][0]["secretRef"].update(name="other"),
        "The group 'serve' takes its settings from elsewhere than the head.",
    ),
    "a route to elsewhere": (
        lambda m: one_of(m, "HTTPRoute")["spec"]["rules"][1]["backendRefs"][0].update(name="x"),
        "A route leads to 'x', and KubeRay makes acme-service-serve-svc.",
    ),
    "a route to another port": (
        lambda m: one_of(m, "HTTPRoute")["spec"]["rules"][1]["backendRefs"][0].update(port=1),
        "A route leads to port 1, which the head does not name.",
    ),
    "the tag latest": (
        lambda m: [ray(m, group).update(image="acme-service:latest") for group in (0, 1)],
        "the image 'acme-service:latest' needs a fixed tag",
    ),
    "no tag, on a registry with a port": (
        lambda m: [ray(m, group).update(image="localhost:5000/a") for group in (0, 1)],
        "the image 'localhost:5000/a' needs a fixed tag",
    ),
    "two images": (
        lambda m: ray(m).update(image="acme-service:9"),
        "The group 'serve' has another image than the head: acme-service:9.",
    ),
    "Redis by environment": (
        lambda m: set_env(m, "RAY_REDIS_ADDRESS", "redis:6379", 0),
        "The head sets Redis for Ray",
    ),
    "no profile": (
        lambda m: ray(m).pop("args"),
        "The group 'serve' must read /srv/deploy/serve.env in its args",
    ),
    "a profile that may fail": (
        lambda m: ray(m).update(args=["set -ea && . /srv/deploy/serve.env"]),
        "with ; and not &&",
    ),
    "a profile that is not exported": (
        lambda m: ray(m).update(args=[". /srv/deploy/serve.env"]),
        "The group 'serve' must read /srv/deploy/serve.env in its args as in the base",
    ),
    "a grace of the drain and a second": (
        lambda m: pod(m).update(terminationGracePeriodSeconds=121),
        "and is killed after 121: Ray needs 15 more",
    ),
    "an old cluster that goes at once": (
        lambda m: m.service["spec"].update(rayClusterDeletionDelaySeconds=0),
        "rayClusterDeletionDelaySeconds is 0: an old cluster carries streams for 300 s",
    ),
    "WebSockets longer than the proxy": (
        lambda m: one_of_settings(m).update(WEBSOCKETS_IDLE_TIMEOUT_S="3600"),
        "RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S is 330, and WEBSOCKETS_IDLE_TIMEOUT_S is 3600.",
    ),
    "a limit of calls that is no number": (
        lambda m: one_of_settings(m).update(BATCHER_TIMEOUT_S="30s"),
        "BATCHER_TIMEOUT_S must be a number of seconds, and is '30s'.",
    ),
    "a liveness of its own": (
        lambda m: ray(m).update(livenessProbe={"httpGet": {"path": "/", "port": "serve"}}),
        "The group 'serve' has a livenessProbe",
    ),
    "nowhere to write": (
        lambda m: ray(m).update(volumeMounts=[]),
        "The group 'serve' has no volume at /tmp, where Ray writes.",
    ),
    "a volume that is read": (
        lambda m: ray(m, 0)["volumeMounts"][0].update(readOnly=True),
        "The head has no volume at /tmp, where Ray writes.",
    ),
    "a cache of models without a volume": (
        lambda m: one_of_settings(m).update(MODEL_CACHE="/elsewhere"),
        "The group 'serve' has no volume at MODEL_CACHE, which is /elsewhere.",
    ),
    "a proxy on the head alone": (
        lambda m: m.serve.update(proxy_location="HeadOnly"),
        "proxy_location must be EveryNode, and is HeadOnly",
    ),
    "workers of several hosts": (
        lambda m: workers(m, numOfHosts=2),
        "workerGroupSpecs.0.numOfHosts: Input should be 1.",
    ),
    "more memory than a worker has": (
        lambda m: of_model(m, memory=100_000_000_000),
        "No group of workers has room for a replica of 'language'",
    ),
    "a roll-out without CPU": (
        lambda m: (
            workers(m, rayStartParams={"num-cpus": "2"})
            or of(m, max_replicas_per_node=2, max_surge_percent=100)
            or of_model(m, num_cpus=1)
        ),
        "A roll-out of 'language' would never end: no worker has room for one more replica",
    ),
    "another port of the workers": (
        lambda m: ports_named(m, 1, serve=8001),
        "The group 'serve' has port 8001 as 'serve', and serve.yaml listens on 8000.",
    ),
    "another port of the head": (
        lambda m: ports_named(m, 0, serve=8001),
        "The head has port 8001 as 'serve', and serve.yaml listens on 8000.",
    ),
    "a port that is not named": (
        lambda m: ray(m, 0)["ports"].pop(0),
        "The head must name the port 'gcs-server'",
    ),
    "a Service with another port": (
        lambda m: m.service["spec"]["serveService"]["spec"]["ports"][0].update(port=80),
        "The Service has port 80, on which nothing listens.",
    ),
    "no probe": (
        lambda m: ray(m).pop("readinessProbe"),
        "The group 'serve' needs a readinessProbe for /-/healthz",
    ),
    "a probe of the whole service": (
        lambda m: ray(m)["readinessProbe"]["httpGet"].update(path="/health/ready"),
        "The group 'serve' needs a readinessProbe for /-/healthz",
    ),
    "a grace like the drain": (
        lambda m: pod(m).update(terminationGracePeriodSeconds=120),
        "The group 'serve' drains for 120 s and is killed after 120",
    ),
    "a drain that is too short": (
        lambda m: set_env(m, "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S", "60"),
        "drains for 60 s: 40 of graceful_shutdown_timeout_s and 35 of the proxy do not fit.",
    ),
    "longer streams than the drain": (
        lambda m: deployments(m, graceful_shutdown_timeout_s=100),
        "drains for 120 s: 100 of graceful_shutdown_timeout_s",
    ),
    "requests that hang": (
        lambda m: ray(m).update(env=ray(m)["env"][:1]),
        "The group 'serve' needs RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S",
    ),
    "a preStop": (
        lambda m: ray(m).update(lifecycle={"preStop": {"exec": {"command": ["ray", "stop"]}}}),
        "The group 'serve' has a preStop",
    ),
    "another Ray": (
        lambda m: m.cluster.update(rayVersion="2.9.0"),
        "rayVersion is 2.9.0, and the project has Ray",
    ),
    "no token": (
        lambda m: m.cluster["authOptions"].update(mode="disabled"),
        "authOptions.mode must be `token`",
    ),
    "a timeout that is final": (
        lambda m: m.service["metadata"].update(annotations={"ray.io/initializing-timeout": "9m"}),
        "ray.io/initializing-timeout is dangerous",
    ),
    "a head that serves": (
        lambda m: m.head.spec["rayStartParams"].update({"num-cpus": "2"}),
        "The head must have num-cpus 0",
    ),
    "a head in the Service": (
        lambda m: m.service["spec"].update(excludeHeadPodFromServeSvc=False),
        "excludeHeadPodFromServeSvc must be true",
    ),
    "bounds that contradict": (
        lambda m: workers(m, minReplicas=3, replicas=2, maxReplicas=3),
        "minReplicas, replicas and maxReplicas must be the same",
    ),
    "replicas that scale beyond the workers": (
        lambda m: of(
            m, num_replicas=None, autoscaling_config={"min_replicas": 3, "max_replicas": 9}
        ),
        "The workers have room for 3 of 9 replicas of 'language'",
    ),
    "an upgrade in steps": (
        lambda m: m.service["spec"]["upgradeStrategy"].update(
            type="NewClusterWithIncrementalUpgrade"
        ),
        "An incremental upgrade needs clusterUpgradeOptions and enableInTreeAutoscaling.",
    ),
    "a dashboard with an address of its own": (
        lambda m: m.head.spec.update(serviceType="LoadBalancer"),
        "headGroupSpec.serviceType: Input should be 'ClusterIP'.",
    ),
    "a group with a name that is none": (
        lambda m: workers(m, groupName="GPU_pool"),
        "workerGroupSpecs.0.groupName: String should match pattern",
    ),
    "a Redis without a port": (
        lambda m: m.cluster["gcsFaultToleranceOptions"].update(redisAddress="redis.example.com"),
        "gcsFaultToleranceOptions.redisAddress: String should match pattern",
    ),
    "a probe that is slow": (
        lambda m: ray(m)["readinessProbe"].update(periodSeconds=30, failureThreshold=3),
        "The group 'serve' drains for 90 s before its readinessProbe fails",
    ),
    "a probe by TLS": (
        lambda m: ray(m)["readinessProbe"]["httpGet"].update(scheme="HTTPS"),
        "The group 'serve' needs a readinessProbe for /-/healthz",
    ),
    "a type of GPU that no group has": (
        lambda m: of_model(m, accelerator_type="A100"),
        "which reserves 0.5 num_cpus and 0.001 accelerator_type:A100.",
    ),
    "a variable with two values": (
        lambda m: ray(m)["env"][0].update(valueFrom={"fieldRef": {"fieldPath": "spec.nodeName"}}),
        "'RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S' of 'ray' has a value and a valueFrom.",
    ),
    "workers too small for a replica": (
        lambda m: ray(m)["resources"]["requests"].update(cpu="250m"),
        "The workers have room for",
    ),
    "a replica larger than a worker": (
        lambda m: of_model(m, num_cpus=8),
        "No group of workers has room for a replica of 'language', which reserves 8 num_cpus.",
    ),
    "a GPU that no group has": (
        lambda m: of_model(m, num_gpus=1),
        "No group of workers has room for a replica of 'language'",
    ),
    "a resource that no group has": (
        lambda m: of_model(m, resources={"large": 1}),
        "which reserves 0.5 num_cpus and 1 large.",
    ),
    "more replicas than workers": (
        lambda m: deployments(m, num_replicas=4),
        "The workers have room for 3 of 4 replicas of 'ingress'",
    ),
    "workers without a replica": (
        lambda m: deployments(m, num_replicas=1) or workers(m, replicas=9, minReplicas=9),
        "more than there are replicas for: a worker without one is never ready.",
    ),
    "a roll-out without end": (
        lambda m: deployments(m, max_surge_percent=100),
        "A roll-out of 'ingress' would never end",
    ),
    "a container as root": (
        lambda m: pod(m)["securityContext"].update(runAsUser=0),
        "runAsNonRoot must be true, and runAsUser not 0.",
    ),
    "a root that is written": (
        lambda m: ray(m)["securityContext"].pop("readOnlyRootFilesystem"),
        "readOnlyRootFilesystem must be true.",
    ),
    "capabilities": (
        lambda m: ray(m)["securityContext"].update(capabilities={"drop": ["NET_RAW"]}),
        "capabilities must drop ALL.",
    ),
    "no seccomp": (
        lambda m: pod(m)["securityContext"].pop("seccompProfile"),
        "seccompProfile must be RuntimeDefault.",
    ),
    "more privileges": (
        lambda m: ray(m)["securityContext"].pop("allowPrivilegeEscalation"),
        "allowPrivilegeEscalation must be false.",
    ),
    "the network of the host": (
        lambda m: pod(m).update(hostNetwork=True),
        "a pod must not share namespaces with its host.",
    ),
    "a folder of the host": (
        lambda m: pod(m)["volumes"].append({"name": "host", "hostPath": {"path": "/"}}),
        "the volume 'host' must not be of the kind hostPath.",
    ),
    "a token of Kubernetes": (
        lambda m: pod(m).pop("automountServiceAccountToken"),
        "say automountServiceAccountToken",
    ),
    "no limit of memory": (
        lambda m: ray(m)["resources"]["limits"].pop("memory"),
        "it must have a limit of memory.",
    ),
    "a limit of CPU": (
        lambda m: ray(m)["resources"]["limits"].update(cpu="4"),
        "The group 'serve' must have no limit of CPU",
    ),
    "a budget in percent": (
        lambda m: one_of(m, "PodDisruptionBudget")["spec"].update(minAvailable="50%"),
        "must say minAvailable, as a whole number.",
    ),
    "a budget that lets none go": (
        lambda m: one_of(m, "PodDisruptionBudget")["spec"].update(minAvailable=3),
        "keeps 3 of 3 workers: no node could ever be drained.",
    ),
    "a budget of other pods": (
        lambda m: one_of(m, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"].update(
            {"ray.io/node-type": "head"}
        ),
        "does not select the group 'serve'.",
    ),
    "a policy of other pods": (
        lambda m: one_of(m, "NetworkPolicy", "acme-service-head")["spec"]["podSelector"][
            "matchLabels"
        ].update({"app.kubernetes.io/instance": "x"}),
        "No NetworkPolicy selects the head: its ports are open to all pods.",
    ),
    "a policy without the operator": (
        lambda m: ingress_rules(m, "head").pop(1),
        "The head is closed to KubeRay's operator",
    ),
    "a dashboard for all": (
        lambda m: ingress_rules(m, "head")[1]["from"][0].pop("podSelector"),
        "The dashboard is open to other pods",
    ),
    "nodes that do not meet": (
        lambda m: ingress_rules(m, "workers").pop(0),
        "The group 'serve' is closed to the head: Ray's nodes would not meet.",
    ),
    "workers without callers": (
        lambda m: ingress_rules(m, "workers").pop(1),
        "The group 'serve' is closed to callers: nothing opens its port 'serve'.",
    ),
    "a policy for another port": (
        lambda m: ingress_rules(m, "workers")[1]["ports"][0].update(port=80),
        "The group 'serve' is closed to callers: nothing opens its port 'serve'.",
    ),
    "Ray's ports for all": (
        lambda m: ingress_rules(m, "workers")[0].pop("from"),
        "The group 'serve' has Ray's own ports open to other pods.",
    ),
    "metrics that are closed": (
        lambda m: ingress_rules(m, "workers").pop(2),
        "The group 'serve' lets no Prometheus in",
    ),
    "a range with more than callers need": (
        lambda m: ingress_rules(m, "workers")[1]["ports"][0].update(endPort=9000),
        "The group 'serve' has Ray's own ports open to other pods.",
    ),
    "the ports of Ray's clients": (
        lambda m: ingress_rules(m, "head").append({"ports": [{"port": 10001}]}),
        "The head has Ray's own ports open to other pods.",
    ),
    "a head that is open to a namespace": (
        lambda m: ingress_rules(m, "head").append(
            {"from": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}]}
        ),
        "The head has Ray's own ports open to other pods.",
    ),
    "a dashboard for addresses": (
        lambda m: ingress_rules(m, "head")[1]["from"].append({"ipBlock": {"cidr": "0.0.0.0/0"}}),
        "The dashboard is open to other pods",
    ),
    "a dashboard for namespaces": (
        lambda m: ingress_rules(m, "head")[1]["from"].append(
            {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}
        ),
        "The dashboard is open to other pods",
    ),
    "a policy of another protocol": (
        lambda m: ingress_rules(m, "workers")[1]["ports"][0].update(protocol="UDP"),
        "The group 'serve' is closed to callers: nothing opens its port 'serve'.",
    ),
    "every port of a protocol": (
        lambda m: ingress_rules(m, "workers")[1]["ports"][0].pop("port"),
        "The group 'serve' has Ray's own ports open to other pods.",
    ),
    "a port that the pods do not name": (
        lambda m: ingress_rules(m, "workers")[1]["ports"][0].update(port="http"),
        "The group 'serve' is closed to callers: nothing opens its port 'serve'.",
    ),
    "policies of what goes out alone": (
        lambda m: policies(m, policyTypes=["Egress"]),
        "No NetworkPolicy selects the head: its ports are open to all pods.",
    ),
    "policies that let nothing out": (
        lambda m: policies(m, policyTypes=["Ingress", "Egress"]),
        "The group 'serve' can reach nothing: `Egress` is in policyTypes, without a rule.",
    ),
    "a monitor of other pods": (
        lambda m: one_of(m, "PodMonitor")["spec"]["selector"]["matchLabels"].update(
            {"ray.io/is-ray-node": "no"}
        ),
        "PodMonitor 'acme-service' does not select the head.",
    ),
    "a budget without a selector": (
        lambda m: one_of(m, "PodDisruptionBudget")["spec"].pop("selector"),
        "PodDisruptionBudget 'acme-service' has no selector: it holds for no pod.",
    ),
    "a budget of something else alone": (
        lambda m: one_of(m, "PodDisruptionBudget").update(of_redis("PodDisruptionBudget")),
        "There is no PodDisruptionBudget: a drain could take all workers at once.",
    ),
    "a route without a port": (
        lambda m: one_of(m, "HTTPRoute")["spec"]["rules"][1]["backendRefs"][0].pop("port"),
        "A route leads to port None, which the head does not name.",
    ),
    "a volume of a ConfigMap that does not exist": (
        lambda m: pod(m)["volumes"].append({"name": "more", "configMap": {"name": "more"}}),
        "ConfigMap 'more' is used, and does not exist.",
    ),
    "a password without a Secret": (
        lambda m: m.cluster["gcsFaultToleranceOptions"]["redisPassword"]["valueFrom"][
            "secretKeyRef"
        ].pop("name"),
        "A secretKeyRef names no Secret.",
    ),
    "a drain that is no number": (
        lambda m: set_env(m, "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S", "120s"),
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S must be a number of seconds, and is '120s'.",
    ),
    "a number of replicas by itself": (
        lambda m: of(m, num_replicas="auto"),
        "The workers have room for 3 of 100 replicas of 'language'",
    ),
    "pods without labels": (
        lambda m: m.workers[0].template.update(metadata=None),
        "No NetworkPolicy selects the group 'serve'",
    ),
    "a CronJob as root": (
        lambda m: m.documents.append(cron_job(m, securityContext={})),
        "CronJob 'clean', migrate: runAsNonRoot must be true, and runAsUser not 0.",
    ),
    "a spread among other pods": (
        lambda m: pod(m)["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"].update(
            {"ray.io/node-type": "head"}
        ),
        "The group 'serve' is not among the pods that it is spread with.",
    ),
}


SEALED = {
    "apiVersion": "bitnami.com/v1alpha1",
    "kind": "SealedSecret",
    "metadata": {"name": "acme-service"},
    "spec": {"encryptedData": {"A": "x"}, "template": {"metadata": {"name": "acme-service"}}},
}
STORE = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "SecretStore",
    "metadata": {"name": "aws"},
    "spec": {"provider": {"aws": {"auth": {"secretRef": {"accessKeyIDSecretRef": {}}}}}},
}
OTHER_ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "ui"},
    "spec": {"rules": [{"backendRefs": [{"name": "ui", "port": 80}]}]},
}


FINE: dict[str, Edit] = {
    "a pool": lambda m: pools(m, r'"{\"large\": 1}"'),
    "a pool by KubeRay's own key": lambda m: (
        workers(m, resources={"large": "1"}) or of_model(m, resources={"large": 1})
    ),
    "more replicas than workers, with room": lambda m: of(
        m, num_replicas=6, max_replicas_per_node=3, max_surge_percent=100
    ),
    "replicas that scale within the workers": lambda m: of(
        m, num_replicas=None, autoscaling_config={"min_replicas": 1, "max_replicas": 3}
    ),
    "a digest in place of a tag": lambda m: (
        [ray(m, group).update(image="a@sha256:" + 64 * "0") for group in (0, 1)]
    ),
    "a range of one port": lambda m: ingress_rules(m, "workers")[1]["ports"][0].update(
        endPort=8000
    ),
    "ports by their names": lambda m: ingress_rules(m, "workers")[1]["ports"][0].update(
        port="serve"
    ),
    "an operator in its namespace": lambda m: ingress_rules(m, "head")[1]["from"][0].update(
        namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "kuberay"}}
    ),
    "what may go out": lambda m: policies(m, policyTypes=["Ingress", "Egress"], egress=[{}]),
    "a sealed Secret": lambda m: m.documents.append(deepcopy(SEALED)),
    "a store of Secrets": lambda m: m.documents.append(deepcopy(STORE)),
    "a budget of Redis": lambda m: m.documents.append(of_redis("PodDisruptionBudget")),
    "a monitor of Redis": lambda m: m.documents.append(of_redis("PodMonitor")),
    "a route of something else": lambda m: m.documents.append(deepcopy(OTHER_ROUTE)),
    "the ServiceAccount default": lambda m: m.documents.append(
        cron_job(m, serviceAccountName="default")
    ),
    "options that are empty": lambda m: of(m, ray_actor_options={"num_cpus": 0.5, "resources": {}}),
}


@pytest.mark.parametrize("edit", FINE.values(), ids=FINE)
def test_what_fits_is_not_refused(production: Manifests, edit: Edit) -> None:
    made = changed(production, edit)
    assert list(mistakes(made)) == []
    assert secrets(made) == ["acme-service", "acme-service-redis"]


def test_several_applications_fit_together(folder: Path) -> None:
    one = (folder / "serve.yaml").read_text(encoding="utf-8")
    several = yaml.safe_load((folder / "deploy/applications.yaml").read_text(encoding="utf-8"))
    many = yaml.safe_load(one) | {"applications": several["applications"]}
    with edited_production(folder, "serve.yaml", one, yaml.safe_dump(many)) as made:
        assert list(mistakes(made)) == []


def test_resources_that_are_not_json_are_named(production: Manifests) -> None:
    with pytest.raises(ManifestsError, match="The group 'serve': 'large' is not JSON"):
        list(mistakes(changed(production, lambda m: pools(m, "large"))))


@pytest.mark.parametrize(("edit", "sentence"), SEEDS.values(), ids=SEEDS)
def test_a_mistake_is_named(production: Manifests, edit: Edit, sentence: str) -> None:
    expect_mistake(production, edit, sentence)


# What can be wrong with the files.


IN_FILES = [
    ("serve.yaml", "  port: 8000", "  port: 8080", "serve.yaml listens on 8080."),
    ("serve.yaml", "max_ongoing_requests", "max_ongoing", "serve.yaml: Unknown key"),
    ("serve.yaml", "num_cpus: 0.5", "num_cpus: 5", "No group of workers has room for a replica"),
    ("deploy/prometheus/alerts.yml", "groups:", "groups: [", "deploy/prometheus/alerts.yml: Not"),
    ("deploy/prometheus/alerts.yml", "groups:", "others:", "alerts.yml: It has no groups."),
    (f"{OVERLAYS}/production/kustomization.yaml", "newTag: 0.1.0", "newTag: latest", "a fixed tag"),
    (f"{OVERLAYS}/production/kustomization.yaml", "  - namespace.yaml\n", "  - x.yaml\n", "x.yaml"),
    (f"{OVERLAYS}/production/kustomization.yaml", "/each_deployment/", "/each/", "kustomize refus"),
    (
        f"{OVERLAYS}/production/kustomization.yaml",
        "name: acme-service-workers",
        "name: acme-service-worker",
        "production/kustomization.yaml: A patch is for kind NetworkPolicy and name acme-service-",
    ),
    (
        "deploy/kubernetes/components/migrations/kustomization.yaml",
        "kind: ConfigMap|Namespace|ServiceAccount",
        "kind: ConfigMaps",
        "components/migrations/kustomization.yaml: A patch is for kind ConfigMaps, and there is no",
    ),
]


@pytest.mark.parametrize(("path", "old", "new", "sentence"), IN_FILES)
def test_a_file_that_no_longer_fits_is_named(
    folder: Path, path: str, old: str, new: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (made := folder / "made/production.yaml").parent.mkdir(exist_ok=True)
    made.write_text("of before", encoding="utf-8")
    before = edited(folder / path, old, new)
    try:
        assert not write("production", folder / "made")
        said = capsys.readouterr().err
    except (ManifestsError, ConfigurationError) as error:
        said = str(error)
        assert "\n" not in said
    finally:
        (folder / path).write_text(before, encoding="utf-8")
    assert sentence in said
    assert not made.exists()


DROPPING = """
apiVersion: ray.io/v1
kind: RayService
metadata: {name: acme-service}
spec:
  rayClusterConfig:
    workerGroupSpecs:
      - {groupName: serve, replicas: 5, minReplicas: 5, maxReplicas: 5}
"""
"""A strategic merge, with which kustomize drops the rest of the group."""


BUDGET = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: NAME}\n"
DELETED = BUDGET.replace("NAME", "acme-service") + "$patch: delete\n"
CHANGED = {
    "target": {"kind": "PodDisruptionBudget", "name": "acme-.*"},
    "patch": "- {op: replace, path: /spec/minAvailable, value: 2}",
}
DELETIONS: dict[str, dict[str, Any]] = {
    "a file": {"patches": [CHANGED, {"path": "delete.yaml"}]},
    "a text": {"patches": [CHANGED, {"patch": DELETED}]},
    "a target": {
        "patches": [CHANGED, {"path": "delete.yaml", "target": {"kind": "PodDisruptionBudget"}}]
    },
    "a file of the older key": {"patches": [CHANGED], "patchesStrategicMerge": ["delete.yaml"]},
    "a text of the older key": {"patches": [CHANGED], "patchesStrategicMerge": [DELETED]},
}


@pytest.mark.parametrize("changes", DELETIONS.values(), ids=DELETIONS)
def test_what_a_patch_deletes_may_be_patched(folder: Path, changes: dict[str, Any]) -> None:
    (file := folder / OVERLAYS / overlay(folder) / "delete.yaml").write_text(DELETED, "utf-8")
    made = manifests_of(overlay(folder, **changes))
    file.unlink()
    assert made.of_kind("PodDisruptionBudget") == []


def test_a_patch_may_be_indented_by_tabs(folder: Path) -> None:
    text = '[\n\t{"op": "replace", "path": "/spec/minAvailable", "value": 1}\n]'
    made = manifests_of(overlay(folder, patches=[CHANGED | {"patch": text}]))
    [budget] = made.of_kind("PodDisruptionBudget")
    assert budget["spec"]["minAvailable"] == 1


OTHERS = {
    "one of another name": [{"patch": BUDGET.replace("NAME", "other") + "$patch: delete\n"}],
    "a part of another": [
        {
            "target": {"kind": "PodDisruptionBudget"},
            "patch": BUDGET.replace("NAME}", "any, annotations: {$patch: delete}}"),
        }
    ],
}


@pytest.mark.parametrize("others", OTHERS.values(), ids=OTHERS)
def test_a_patch_of_nothing_is_named_where_others_delete(
    folder: Path, others: list[dict[str, Any]]
) -> None:
    of_none = CHANGED | {"target": {"kind": "PodDisruptionBudget", "name": "others"}}
    resources = ["../../base", "budget.yaml"]
    name = overlay(folder, patches=[*others, of_none], resources=resources)
    (folder / OVERLAYS / name / "budget.yaml").write_text(BUDGET.replace("NAME", "other"), "utf-8")
    with pytest.raises(ManifestsError, match="PodDisruptionBudget and name others, and there is"):
        manifests_of(name)


SERVE = "/spec/rayClusterConfig/workerGroupSpecs/0/template/spec"
NULLS: dict[str, Any] = {
    f"{SERVE}/initContainers": None,
    f"{SERVE}/topologySpreadConstraints": None,
    f"{SERVE}/containers/-": {
        "name": "log",
        "image": "fluent:1",
        "ports": None,
        "env": None,
        "envFrom": None,
        "volumeMounts": None,
        "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "32Mi"}, "claims": None},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], "add": None},
        },
    },
    f"{SERVE}/containers/0/env/-": {"name": "MORE", "value": None},
    f"{SERVE}/containers/0/lifecycle": None,
    "/metadata/annotations": None,
    "/spec/serveService/spec": None,
}
"""What is null in a RayService, by its place."""
MAPS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: acme-service-more, labels: null}
data: {API_LOG_LEVEL: null, MORE: null}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: none}
data: null
"""


def test_what_is_null_is_not_there(folder: Path) -> None:
    said = [{"op": "add", "path": path, "value": one} for path, one in NULLS.items()]
    head = SERVE.replace("workerGroupSpecs/0", "headGroupSpec")
    for place in (SERVE, head):
        for name in ("acme-service-more", "none"):
            one = {"configMapRef": {"name": name}}
            said.append({"op": "add", "path": f"{place}/containers/0/envFrom/-", "value": one})
    patch = {"target": {"kind": "RayService"}, "patch": yaml.safe_dump(said)}
    name = overlay(folder, patches=[patch], resources=["../../base", "maps.yaml"])
    (folder / OVERLAYS / name / "maps.yaml").write_text(MAPS, encoding="utf-8")
    made = manifests_of(name)
    assert said_of(made) == []
    assert " null\n" not in as_yaml(*made.documents)


def test_null_takes_away_what_serve_yaml_says(folder: Path) -> None:
    said = [{"op": "add", "path": "/spec/serveConfigV2/logging_config", "value": None}]
    patch = {"target": {"kind": "RayService"}, "patch": yaml.safe_dump(said)}
    made = manifests_of(overlay(folder, patches=[patch]))
    assert made.serve["logging_config"] is None


def test_a_resource_without_a_version_is_named(folder: Path) -> None:
    name = overlay(folder, resources=["../../base", "maps.yaml"])
    text = MAPS.partition("---")[0].replace("apiVersion: v1", "")
    (folder / OVERLAYS / name / "maps.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(
        ManifestsError, match=r"^ConfigMap 'acme-service-more' has no apiVersion\.$"
    ):
        manifests_of(name)


def test_a_patch_that_drops_the_pods_is_named(folder: Path) -> None:
    made = manifests_of(overlay(folder, patches=[{"patch": DROPPING}]))
    [sentence] = mistakes(made)
    assert "workerGroupSpecs.0.template: Field required." in sentence


def test_a_missing_configuration_is_named(folder: Path) -> None:
    (folder / "serve.yaml").rename(folder / "kept.yaml")
    try:
        with pytest.raises(ConfigurationError, match=r"^serve\.yaml: Not readable: No such file"):
            manifests_of("production")
    finally:
        (folder / "kept.yaml").rename(folder / "serve.yaml")


@pytest.mark.usefixtures("folder")
def test_an_unknown_overlay_is_refused_with_those_there_are() -> None:
    with pytest.raises(ManifestsError, match=r"^Unknown overlay 'staging'\. There are: .*local"):
        manifests_of("staging")


def test_what_is_written_is_what_was_checked(
    folder: Path, production: Manifests, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write("production", folder / "made")
    text = (folder / "made/production.yaml").read_text("utf-8")
    assert [*yaml.safe_load_all(text)] == [*production.documents]
    said = capsys.readouterr().out
    assert "Create these Secrets on the cluster first: acme-service, acme-service-redis." in said
    assert "Note: Replace example.com in: ConfigMap 'acme-service-" in said
    kinds = "GRPCRoute, HTTPRoute, PodMonitor, PrometheusRule"
    assert f"Not validated, because no schema is installed: {kinds}." in said
