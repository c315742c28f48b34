"""The application and its configuration agree, and nothing secret travels with them."""

from typing import Any

import pytest
from pydantic import ValidationError
from ray import cloudpickle
from ray.serve.schema import ServeApplicationSchema

from servekit.commands.check_config.checks import deployments_of
from servekit.ingress.application import Ingress, ingress
from servekit.ingress.meter import RayMeter
from servekit.ingress.service_args import ServiceArgs
from servekit.testing.authenticated_client import visiting
from servekit.testing.configurations import own

from acme_service.app import app
from acme_service.contracts.language import LANGUAGE
from acme_service.features import sources


def test_every_deployment_is_there() -> None:
    [application] = own()["applications"]
    named = {one["name"] for one in application["deployments"]}
    assert named == {*deployments_of(ServeApplicationSchema(**application))}


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


def test_the_model_gets_all_sources_and_a_refusal_counter() -> None:
    bound: Any = app(ServiceArgs())._bound_deployment
    wiring, deployments = bound.init_args
    assert wiring == "acme_service.app:WIRING"
    named = (LANGUAGE, "acme_service.models.language:LanguageModel")
    expected = (*named, tuple(sources()), RayMeter)
    assert deployments["language"]._bound_deployment.init_args == expected


async def test_a_user_config_reaches_the_models_in_the_replica() -> None:
    replica = Ingress("acme_service.app:WIRING")
    application = replica.__serve_build_asgi_app__()
    for version in "21":
        await replica.reconfigure({"reference": f"language:{version}"})
        with visiting(application) as client:
            answer = client.post("/v1/detect", json={"text": "Guten Morgen!"})
        assert answer.headers["x-model"] == f"language:{version}"
