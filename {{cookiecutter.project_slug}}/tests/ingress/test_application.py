"""The application and its configuration agree, and nothing secret travels with them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError
from ray import cloudpickle
from ray.serve import Application
from ray.serve.schema import (
    DeploymentSchema,
    HTTPOptionsSchema,
    LoggingConfig,
    RayActorOptionsSchema,
    ServeApplicationSchema,
    ServeDeploySchema,
)

from acme_service.ingress.app import Ingress, ServiceArgs, app, ingress
from acme_service.ingress.features import sources
from acme_service.ingress.meters import RayMeter

from tests.visitor import visiting

SIZES = {
    "num_replicas",
    "max_ongoing_requests",
    "max_queued_requests",
    "graceful_shutdown_timeout_s",
    "max_surge_percent",
    "ray_actor_options",
}


@pytest.fixture
def config(project: Path) -> dict[str, Any]:
    return yaml.safe_load((project / "serve.yaml").read_text(encoding="utf-8"))


def unknown_keys(config: dict[str, Any]) -> Iterator[str]:
    """Keys that Serve would ignore without a word."""

    def check(block: dict[str, Any], schema: type[BaseModel]) -> Iterator[str]:
        yield from sorted(block.keys() - schema.model_fields.keys())

    yield from check(config, ServeDeploySchema)
    yield from check(config["http_options"], HTTPOptionsSchema)
    yield from check(config["logging_config"], LoggingConfig)
    for application in config["applications"]:
        yield from check(application, ServeApplicationSchema)
        for deployment in application["deployments"]:
            yield from check(deployment, DeploymentSchema)
            yield from check(deployment["ray_actor_options"], RayActorOptionsSchema)


def deployments(application: Application) -> set[str]:
    names = {application._bound_deployment.name}  # pyright: ignore[reportPrivateUsage]
    bound = application._bound_deployment.init_args  # pyright: ignore[reportPrivateUsage]
    return names.union(*(deployments(one) for one in bound if isinstance(one, Application)))


def test_every_key_of_the_configuration_means_something(config: dict[str, Any]) -> None:
    assert list(unknown_keys(config)) == []


def test_a_misspelt_key_would_be_found(config: dict[str, Any]) -> None:
    config["applications"][0]["deployments"][0]["max_ongoing_request"] = 1
    assert list(unknown_keys(config)) == ["max_ongoing_request"]


def test_every_deployment_has_all_its_sizes(config: dict[str, Any]) -> None:
    [application] = config["applications"]
    for deployment in application["deployments"]:
        assert deployment.keys() >= SIZES, deployment["name"]


def test_the_configuration_names_the_deployments_that_there_are(config: dict[str, Any]) -> None:
    [application] = config["applications"]
    named = {one["name"] for one in application["deployments"]}
    assert named == deployments(app(ServiceArgs(placement="separate")))
    assert deployments(app(ServiceArgs(placement="inline"))) == {"ingress"}


def test_streams_are_never_cut_by_the_proxy(config: dict[str, Any]) -> None:
    assert "request_timeout_s" not in config["http_options"]


@pytest.mark.parametrize("args", [{"placement": "elsewhere"}, {"placment": "inline"}])
def test_a_wrong_argument_is_refused(args: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ServiceArgs.model_validate(args)


def test_the_ingress_travels_without_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_SECRET", "canary")
    pickled = cloudpickle.dumps(ingress.func_or_class)  # pyright: ignore[reportPrivateImportUsage]
    assert len(pickled) < 16 * 1024
    assert b"canary" not in pickled


def test_what_the_model_is_given_travels_by_name() -> None:
    given = (tuple(sources()), RayMeter)
    pickled = cloudpickle.dumps(given)  # pyright: ignore[reportPrivateImportUsage]
    assert len(pickled) < 1024
    assert cloudpickle.loads(pickled) == given


def test_the_model_is_given_all_sources_and_what_counts_its_refused_versions() -> None:
    bound: Any = app(ServiceArgs())._bound_deployment  # pyright: ignore[reportPrivateUsage]
    language, *_ = bound.init_args
    assert language._bound_deployment.init_args == (tuple(sources()), RayMeter)


async def test_a_user_config_reaches_the_models_in_the_replica() -> None:
    replica = Ingress()
    application = replica.__serve_build_asgi_app__()
    for version in "21":
        await replica.reconfigure({"reference": f"language:{version}"})
        with visiting(application) as client:
            answer = client.post("/v1/detect", json={"text": "Guten Morgen!"})
        assert answer.headers["x-model"] == f"language:{version}"
