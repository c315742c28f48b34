"""`make manifests` names what is wrong with the pods, and lets through what teams add to them."""

from typing import Any

import pytest

from servekit.commands.manifests.rules import Manifests

from tests.kubernetes.edits import (
    Edit,
    added,
    changed,
    expect_mistake,
    named,
    one_of,
    one_of_settings,
    params,
    pod,
    ray,
    redis,
    said_of,
    sidecar,
    volume,
)


def limits(manifests: Manifests, group: int = 1) -> dict[str, Any]:
    return ray(manifests, group)["resources"]["limits"]


def requests(manifests: Manifests, group: int = 1) -> dict[str, Any]:
    return ray(manifests, group)["resources"]["requests"]


def of_pod(manifests: Manifests, **context: object) -> None:
    pod(manifests)["securityContext"] |= context


SEEDS: dict[str, tuple[Edit, str]] = {
    "a mount of no volume": (
        lambda m: ray(m)["volumeMounts"].append({"name": "cache", "mountPath": "/cache"}),
        "RayService 'acme-service', serve: the volume 'cache' is mounted, and there is none.",
    ),
    "a volume without a mount": (
        lambda m: pod(m)["volumes"].append({"name": "cache", "emptyDir": {}}),
        "serve: no container mounts the volume 'cache'.",
    ),
    "two volumes of a name": (
        lambda m: pod(m)["volumes"].append({"name": "tmp", "emptyDir": {}}),
        "serve: duplicate volume: 'tmp'.",
    ),
    "two mounts at a path": (
        lambda m: volume(m, "more", "/tmp", emptyDir={}),
        "serve: duplicate mount of 'ray': '/tmp'.",
    ),
    "a volume of two kinds": (
        lambda m: volume(m, "more", "/more", emptyDir={}, secret={"secretName": "a"}),
        "serve: the volume 'more' may be one of emptyDir and secret, and not both.",
    ),
    "a volume of the network": (
        lambda m: volume(m, "more", "/more", nfs={"server": "a", "path": "/"}),
        "serve: the volume 'more' must not be of the kind nfs.",
    ),
    "a mount of no volume in Redis": (
        lambda m: redis(m)["volumes"][0].update(name="dat"),
        "Deployment 'redis': the volume 'data' is mounted, and there is none.",
    ),
    "a mount of no claim in a StatefulSet": (
        lambda m: added(m, DATABASE.replace("MOUNT", "dat")),
        "StatefulSet 'database': the volume 'dat' is mounted, and there is none.",
    ),
    "two variables of a name": (
        lambda m: ray(m)["env"].append({"name": "no_grpc_proxy", "value": ""}),
        "serve: duplicate variable of 'ray': 'no_grpc_proxy'.",
    ),
    "two ports of a name": (
        lambda m: ray(m)["ports"].append({"name": "metrics", "containerPort": 8080}),
        "serve: duplicate port: 'metrics'.",
    ),
    "two containers at a port": (
        lambda m: sidecar(m, ports=[{"name": "web", "containerPort": 8000}]),
        "serve: duplicate port: '8000/TCP'.",
    ),
    "two containers of a name": (
        lambda m: sidecar(m, name="ray"),
        "serve: duplicate container: 'ray'.",
    ),
    "a request above its limit": (
        lambda m: requests(m).update(memory="8Gi"),
        "serve: 'ray' requests 8Gi of memory, and its limit is 4Gi.",
    ),
    "a request of Redis above its limit": (
        lambda m: redis(m)["containers"][0]["resources"]["requests"].update(memory="1Gi"),
        "Deployment 'redis': 'redis' requests 1Gi of memory, and its limit is 192Mi.",
    ),
    "a request of GPUs without a limit": (
        lambda m: requests(m).update({"nvidia.com/gpu": "1"}),
        "serve: 'ray' requests 1 of nvidia.com/gpu, and its limit is 0.",
    ),
    "memory in thousandths": (
        lambda m: limits(m).update(memory="4m"),
        "serve: 'ray' has 4m of memory: a number of bytes, as in 512Mi.",
    ),
    "a unit that there is not": (
        lambda m: limits(m).update(memory="4GB"),
        "template.spec.containers.resources.limits.memory: '4GB' is not a quantity",
    ),
    "a size that is none": (
        lambda m: pod(m)["volumes"][0]["emptyDir"].update(sizeLimit="2GB"),
        "template.spec.volumes.emptyDir.sizeLimit: '2GB' is not a quantity",
    ),
    "a misspelt resource": (
        lambda m: requests(m).update(cpus="4"),
        "serve: 'ray' has the unknown resource 'cpus'.",
    ),
    "a probe of no port": (
        lambda m: redis(m)["containers"][0]["readinessProbe"]["tcpSocket"].update(port=6380),
        "Deployment 'redis': the readinessProbe of 'redis' asks port 6380, which it lacks.",
    ),
    "a probe of a port without a name": (
        lambda m: sidecar(m, readinessProbe={"httpGet": {"path": "/", "port": "web"}}),
        "serve: the readinessProbe of 'log' asks port 'web', which it lacks.",
    ),
    "a misspelt option of Ray": (
        lambda m: params(m, 1, object_store_mem="1"),
        "rayStartParams: Unknown key 'object-store-mem'. Did you mean 'object-store-memory'?",
    ),
    "an option of Ray with underscores": (
        lambda m: m.groups[1].spec["rayStartParams"].update(num_cpus="4"),
        "rayStartParams: Unknown key 'num_cpus'. Did you mean 'num-cpus'?",
    ),
    "an option of Ray that is no number": (
        lambda m: params(m, 1, object_store_memory="100MB"),
        "rayStartParams: object-store-memory: '100MB' is not a valid integer.",
    ),
    "a flag of Ray in place of a number": (
        lambda m: params(m, 1, num_gpus="true"),
        "rayStartParams: num-gpus needs a value.",
    ),
    "a head elsewhere": (
        lambda m: params(m, 1, address="head:6379"),
        "The group 'serve': rayStartParams: remove address: KubeRay sets it.",
    ),
    "a container that ends at once": (
        lambda m: params(m, 1, block="false"),
        "rayStartParams: block must be true, and is false.",
    ),
    "a dashboard for the head alone": (
        lambda m: params(m, 0, dashboard_host="127.0.0.1"),
        "The head: rayStartParams: dashboard-host must be 0.0.0.0 or ::, and is 127.0.0.1.",
    ),
    "another port of Ray": (
        lambda m: params(m, 0, port="6380"),
        "The head has port 6379 as 'gcs-server', and Ray's port is 6380.",
    ),
    "another port of the container": (
        lambda m: ray(m)["ports"][1].update(containerPort=9090),
        "The group 'serve' has port 9090 as 'metrics', and Ray's metrics-export-port is 8080.",
    ),
    "more memory than the limit for Ray": (
        lambda m: params(m, 1, memory="80000000000"),
        "tells Ray of 8e+10 bytes of memory, and its limit is 4.29497e+09.",
    ),
    "a larger store of objects than the limit": (
        lambda m: params(m, 1, object_store_memory="8000000000"),
        "tells Ray of 8e+09 bytes of memory, and its limit is 4.29497e+09.",
    ),
    "a GPU for Ray alone": (
        lambda m: params(m, 1, num_gpus="1"),
        "The group 'serve' tells Ray of 1 GPUs, and its limits have 0.",
    ),
    "a port of the host": (
        lambda m: ray(m)["ports"][0].update(hostPort=8000),
        "serve, ray: it must take no port of its host.",
    ),
    "a privileged container": (
        lambda m: ray(m)["securityContext"].update(privileged=True),
        "serve, ray: allowPrivilegeEscalation must be false.",
    ),
    "a procMount": (
        lambda m: ray(m)["securityContext"].update(procMount="Unmasked"),
        "serve, ray: procMount must be Default.",
    ),
    "an unsafe sysctl": (
        lambda m: of_pod(m, sysctls=[{"name": "kernel.msgmax", "value": "1"}]),
        "serve, ray: sysctls must be safe ones.",
    ),
    "a user of SELinux": (
        lambda m: of_pod(m, seLinuxOptions={"user": "system_u"}),
        "serve, ray: seLinuxOptions must be those of containers.",
    ),
    "a process of the host": (
        lambda m: of_pod(m, windowsOptions={"hostProcess": True}),
        "serve, ray: hostProcess must be false.",
    ),
    "no AppArmor": (
        lambda m: of_pod(m, appArmorProfile={"type": "Unconfined"}),
        "serve, ray: appArmorProfile must be RuntimeDefault.",
    ),
    "an autoscaler with capabilities": (
        lambda m: m.cluster["autoscalerOptions"].pop("securityContext"),
        "head, autoscaler: capabilities must drop ALL.",
    ),
    "a misspelt key of the autoscaler": (
        lambda m: m.cluster["autoscalerOptions"]["resources"].update(limit={}),
        "head: spec.containers.1.resources: Additional properties are not allowed ('limit' was",
    ),
    "a misspelt key of a password": (
        lambda m: m.cluster["gcsFaultToleranceOptions"]["redisPassword"].update(valueForm={}),
        "spec.containers.0.env.0: Additional properties are not allowed ('valueForm' was",
    ),
    "a password without a key": (
        lambda m: m.cluster["gcsFaultToleranceOptions"]["redisPassword"]["valueFrom"][
            "secretKeyRef"
        ].pop("key"),
        "redisPassword: spec.containers.0.env.0.valueFrom.secretKeyRef: 'key' is a required",
    ),
    "a misspelt key of metadata": (
        lambda m: m.service["metadata"].update(annotation={}),
        "RayService 'acme-service': metadata: Additional properties are not allowed ('annotation'",
    ),
    "a misspelt key of a route's metadata": (
        lambda m: one_of(m, "HTTPRoute")["metadata"].update(annotation={}),
        "HTTPRoute 'acme-service': metadata: Additional properties are not allowed ('annotation'",
    ),
    "a misspelt key of the head's Service": (
        lambda m: m.head.spec.update(headService={"spec": {"prts": []}}),
        "RayService 'acme-service', headService: spec: Additional properties are not allowed",
    ),
    "a version of an API that is gone": (
        lambda m: one_of(m, "PodDisruptionBudget").update(apiVersion="policy/v1beta1"),
        "Kubernetes 1.37 has no PodDisruptionBudget of policy/v1beta1: it has policy/v1.",
    ),
    "a kind of another API": (
        lambda m: one_of(m, "NetworkPolicy", "backends").update(apiVersion="extensions/v1beta1"),
        "has no NetworkPolicy of extensions/v1beta1: it has networking.k8s.io/v1.",
    ),
    "a misspelt kind": (
        lambda m: named(m, "Deployment", "redis").update(kind="Deploymnt"),
        "Deploymnt 'redis': Kubernetes 1.37 has no Deploymnt of apps/v1.",
    ),
    "a misspelt policy of pulling": (
        lambda m: ray(m).update(imagePullPolicy="IfNotPreset"),
        "containers.imagePullPolicy: 'IfNotPreset' is none of Always, IfNotPresent, Never.",
    ),
    "a misspelt toleration": (
        lambda m: pod(m).update(tolerations=[{"key": "a", "operator": "Exist"}]),
        "template.spec.tolerations.operator: 'Exist' is none of Exists, Equal, Lt, Gt.",
    ),
    "a misspelt effect of a taint": (
        lambda m: pod(m).update(tolerations=[{"operator": "Exists", "effect": "NoScheduling"}]),
        "effect: 'NoScheduling' is none of NoSchedule, PreferNoSchedule, NoExecute.",
    ),
    "a misspelt spread": (
        lambda m: pod(m)["topologySpreadConstraints"][0].update(whenUnsatisfiable="Schedule"),
        "whenUnsatisfiable: 'Schedule' is none of DoNotSchedule, ScheduleAnyway.",
    ),
    "a spread over no label": (
        lambda m: pod(m)["topologySpreadConstraints"][0].update(topologyKey="kubernetes.io/host"),
        "topologyKey: 'kubernetes.io/host' is not a label that nodes have.",
    ),
    "a selector of no node": (
        lambda m: pod(m).update(nodeSelector={"kubernetes.io/architecture": "amd64"}),
        "'kubernetes.io/architecture' is not a label that nodes have.",
    ),
    "a misspelt type of a policy": (
        lambda m: one_of(m, "NetworkPolicy", "acme-service-head")["spec"].update(
            policyTypes=["In"]
        ),
        "spec.policyTypes: 'In' is none of Ingress, Egress.",
    ),
    "a name that is none": (
        lambda m: one_of(m, "NetworkPolicy", "acme-service-head")["metadata"].update(name="a_head"),
        "NetworkPolicy 'a_head': metadata.name: 'a_head' is not small letters, digits and -.",
    ),
    "an operator of nodes among labels": (
        lambda m: pod(m)["topologySpreadConstraints"][0]["labelSelector"].update(
            matchExpressions=[{"key": "a", "operator": "Gt", "values": ["1"]}]
        ),
        "labelSelector.matchExpressions.operator: 'Gt' is none of In, NotIn, Exists, DoesNotExist.",
    ),
    "an operator of nodes in a policy": (
        lambda m: one_of(m, "NetworkPolicy", "acme-service-head")["spec"]["podSelector"].update(
            matchExpressions=[{"key": "a", "operator": "Gt", "values": ["1"]}]
        ),
        "spec.podSelector.matchExpressions.operator: 'Gt' is none of In, NotIn, Exists,",
    ),
    "an operator of nodes in a monitor": (
        lambda m: one_of(m, "PodMonitor")["spec"]["selector"].update(
            matchExpressions=[{"key": "a", "operator": "Gt", "values": ["1"]}]
        ),
        "A selector has the key 'a' and the operator 'Gt': it needs a key, and one of In, NotIn,",
    ),
    "a policy without a spec": (
        lambda m: one_of(m, "NetworkPolicy", "acme-service-head").pop("spec"),
        "NetworkPolicy 'acme-service-head': spec: it is missing.",
    ),
    "a label that is none": (
        lambda m: m.workers[0].template["metadata"]["labels"].update(team="a b"),
        "template.metadata.labels.team: 'a b' is not 63 letters, digits and -_. at most.",
    ),
    "a port with a long name": (
        lambda m: sidecar(m, ports=[{"name": "a-very-long-port-name", "containerPort": 9}]),
        "containers.ports.name: 'a-very-long-port-name' is not 15 small letters",
    ),
}


@pytest.mark.parametrize(("edit", "sentence"), SEEDS.values(), ids=SEEDS)
def test_a_mistake_is_named(everything: Manifests, edit: Edit, sentence: str) -> None:
    expect_mistake(everything, edit, sentence)


POOL_OF_NODES = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {"matchExpressions": [{"key": "cloud.example.com/pool", "operator": "Exists"}]}
            ]
        }
    }
}
CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: models}
spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 20Gi}}}
"""
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: acme-service}
spec:
  ingressClassName: traefik
  rules:
    - http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: acme-service-serve-svc, port: {number: 8000}}}
"""
DATABASE = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: database}
spec:
  serviceName: database
  selector: {matchLabels: {app: database}}
  template:
    metadata: {labels: {app: database}}
    spec:
      automountServiceAccountToken: false
      securityContext:
        {runAsNonRoot: true, runAsUser: 999, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: database
          image: postgres:18
          resources: {requests: {cpu: 100m}, limits: {memory: 256Mi}}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          volumeMounts: [{name: MOUNT, mountPath: /data}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
RANGE = """
apiVersion: v1
kind: LimitRange
metadata: {name: limits}
spec: {limits: [{type: Container, default: {memory: 512Mi}, defaultRequest: {cpu: 100m}}]}
"""
CERTIFICATE = """
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: tls}
spec: {secretName: tls, privateKey: {algorithm: ECDSA}}
"""

OF_ALL_FORMS = {
    "requests": {"cpu": ".5", "ephemeral-storage": "1n", "hugepages-2Mi": "1E"},
    "limits": {
        "cpu": "500000u",
        "memory": "+2Ei",
        "ephemeral-storage": "1.E3",
        "hugepages-2Mi": "1E",
    },
}

FINE: dict[str, Edit] = {
    "chosen nodes": lambda m: pod(m).update(
        nodeSelector={"kubernetes.io/arch": "amd64", "node.kubernetes.io/instance-type": "large"},
        tolerations=[{"key": "pool", "operator": "Equal", "value": "a", "effect": "NoExecute"}],
        affinity=POOL_OF_NODES,
        priorityClassName="high",
        imagePullSecrets=[{"name": "registry"}],
    ),
    "a sidecar": lambda m: sidecar(
        m,
        ports=[{"name": "http", "containerPort": 2020}],
        livenessProbe={"httpGet": {"path": "/", "port": "http"}},
        volumeMounts=[{"name": "tmp", "mountPath": "/logs", "readOnly": True}],
    ),
    "a sidecar that names no port": lambda m: sidecar(
        m, readinessProbe={"tcpSocket": {"port": 2020}}
    ),
    "a container before the others": lambda m: pod(m).update(
        initContainers=[
            ray(m) | {"name": "before", "args": ["true"], "ports": [], "readinessProbe": None}
        ]
    ),
    "settings as files": lambda m: volume(
        m,
        "settings",
        "/settings",
        configMap={"name": m.of_kind("ConfigMap")[0]["metadata"]["name"]},
    ),
    "a claim": lambda m: (
        volume(m, "more", "/more", persistentVolumeClaim={"claimName": "models"}) or added(m, CLAIM)
    ),
    "a Secret as files": lambda m: volume(m, "ca", "/ca", secret={"secretName": "ca"}),
    "an Ingress": lambda m: added(m, INGRESS),
    "a StatefulSet with a claim for each pod": lambda m: added(
        m, DATABASE.replace("MOUNT", "data")
    ),
    "limits of a namespace": lambda m: added(m, RANGE),
    "quantities of all forms": lambda m: sidecar(m, resources=OF_ALL_FORMS),
    "a kind of another operator": lambda m: added(m, CERTIFICATE),
    "options of Ray": lambda m: params(
        m, 1, num_cpus="4", block="true", labels="pool=a", memory="2000000000"
    ),
    "a probe of Ray's agent": lambda m: ray(m, 0).update(
        readinessProbe={"httpGet": {"path": "/api/healthz", "port": 52365}}
    ),
    "an autoscaler as KubeRay makes it": lambda m: m.cluster["autoscalerOptions"].pop("resources"),
    "a Secret of a registry without a name": lambda m: pod(m).update(imagePullSecrets=[{}]),
    "settings without a name": lambda m: [
        ray(m, group)["envFrom"].append({"configMapRef": {"optional": True}}) for group in range(3)
    ],
    "a port without a name": lambda m: ray(m)["ports"].append({"containerPort": 8001}),
    "a policy of all pods": lambda m: one_of(m, "NetworkPolicy", "backends")["spec"].pop(
        "podSelector"
    ),
    "a volume from an image": lambda m: volume(
        m, "weights", "/w", image={"reference": "weights:1"}
    ),
    "a resource of another vendor": lambda m: limits(m, 2).update(
        {"amd.com/gpu": limits(m, 2).pop("nvidia.com/gpu")}
    ),
    "a setting more": lambda m: one_of_settings(m).update(PARTNER_URL="https://example.com"),
}


@pytest.mark.parametrize("edit", FINE.values(), ids=FINE)
def test_what_teams_add_is_not_refused(everything: Manifests, edit: Edit) -> None:
    assert said_of(changed(everything, edit)) == []
