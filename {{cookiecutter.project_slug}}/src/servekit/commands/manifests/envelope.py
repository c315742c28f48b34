"""What a RayService may have around its pods: KubeRay 1.7, without what it leaves off by default.

KubeRay's own schema has 150 kB, most of them the pods', which `kubernetes-validate` checks.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from .kustomize import Block


class Part(BaseModel):
    """A block with keys in camel case, of which it must know all."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class FaultTolerance(Part):
    """Where the head keeps what it knows."""

    redis_address: str = Field(pattern=r".+:[0-9]+$")
    redis_username: Block = {}
    redis_password: Block = {}
    external_storage_namespace: str = ""


class Authentication(Part):
    """What asks for a token."""

    mode: Literal["disabled", "token"]
    secret_name: str = ""


class Autoscaler(Part):
    """Ray's autoscaler, beside the head."""

    idle_timeout_seconds: int = 60
    upscaling_mode: Literal["Default", "Aggressive", "Conservative"] = "Default"
    version: Literal["v1", "v2"] = "v2"
    image: str = ""
    image_pull_policy: str = ""
    env: list[Block] = []
    env_from: list[Block] = []
    resources: Block = {}
    security_context: Block = {}
    volume_mounts: list[Block] = []


class Head(Part):
    """The head of a cluster."""

    ray_start_params: dict[str, str] = {}
    resources: dict[str, str] = {}
    labels: dict[str, str] = {}
    service_type: Literal["ClusterIP"] = "ClusterIP"
    head_service: Block = {}
    template: Block


class Workers(Part):
    """A group of workers that are all alike."""

    group_name: str = Field(pattern="^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    replicas: int = Field(ge=0)
    min_replicas: int = Field(ge=0)
    max_replicas: int = Field(ge=1)
    num_of_hosts: Literal[1] = 1
    idle_timeout_seconds: int = 60
    ray_start_params: dict[str, str] = {}
    resources: dict[str, str] = {}
    labels: dict[str, str] = {}
    scale_strategy: Block = {}
    template: Block


class Cluster(Part):
    """A RayCluster."""

    ray_version: str
    auth_options: Authentication
    gcs_fault_tolerance_options: FaultTolerance | None = None
    enable_in_tree_autoscaling: bool = False
    autoscaler_options: Autoscaler | None = None
    head_service_annotations: dict[str, str] = {}
    head_group_spec: Head
    worker_group_specs: list[Workers] = Field(min_length=1)


class Gradually(Part):
    """How an incremental upgrade goes."""

    gateway_class_name: str
    max_surge_percent: int = 100
    step_size_percent: int
    interval_seconds: int


class Upgrade(Part):
    """What a change of the cluster does."""

    type: Literal["NewCluster", "NewClusterWithIncrementalUpgrade", "None"]
    cluster_upgrade_options: Gradually | None = None


class Service(Part):
    """The `spec` of a RayService."""

    serve_config_v2: str = Field(alias="serveConfigV2")
    ray_cluster_config: Cluster
    upgrade_strategy: Upgrade
    ray_cluster_deletion_delay_seconds: int = 60
    exclude_head_pod_from_serve_svc: bool = False
    serve_service: Block = {}
    suspend: bool = False


class Whole(BaseModel):
    """A RayService."""

    model_config = ConfigDict(extra="forbid", strict=True)

    apiVersion: Literal["ray.io/v1"]  # noqa: N815  (as Kubernetes calls it)
    kind: Any
    metadata: Block
    spec: Service
