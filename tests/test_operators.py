"""A project's own tests survive its users: what operators are told to change breaks none."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from . import edits, projections
from .answers import ALL
from .conftest import Render
from .environment import run, said
from .template import files, template_files

CHECKS = [
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("lint-imports", "--no-cache"),
]
"""`make check`, but for the types, which no edit changes, and the tests."""

SIZES = {
    "num_replicas",
    "max_ongoing_requests",
    "max_queued_requests",
    "graceful_shutdown_timeout_s",
    "max_surge_percent",
    "ray_actor_options",
}


def test_a_project_passes_its_checks_whatever_operators_do(render_again: Callable[..., Render]):
    project = render_again(**ALL).folder
    # All at once: a run takes a minute, and none of them hides what another one breaks.
    edits.promote(project, "2")
    edits.train(project, "3")
    edits.publish(project, "10")
    edits.remove(project, "1")
    edits.serve_otherwise(project)
    edits.set_everything(project)
    edits.rename(project)
    for check in CHECKS:
        done = run(project, *check)
        assert done.returncode == 0, said(done)
    done = projections.run_tests(projections.seen(files(project)), "-n", "2")
    assert done.returncode == 0, said(done)


def shipped(*paths: str) -> dict[str, Any]:
    """What files of the template say together, every feature on."""
    contents = [yaml.safe_load(template_files()[path]) for path in paths]
    return {key: value for content in contents for key, value in content.items()}


def small(config: dict[str, Any]) -> dict[str, Any]:
    """The ingress as it is tested; the tests add a block for each model by themselves."""
    for application in config["applications"]:
        own = [one for one in application["deployments"] if one["name"] == "ingress"]
        application["deployments"] = own
        for deployment in application["deployments"]:
            deployment["ray_actor_options"] = {"num_cpus": 0.05}
    return config


def test_what_a_project_tests_is_what_it_serves_made_small():
    tested = shipped("tests/serve.yaml", "tests/serve_grpc.yaml")
    assert tested == small(shipped("serve.yaml"))


@pytest.mark.parametrize("path", ["serve.yaml", "deploy/applications.yaml"])
def test_every_deployment_has_all_its_sizes(path: str):
    for application in shipped(path)["applications"]:
        for deployment in application["deployments"]:
            assert deployment.keys() >= SIZES, deployment["name"]


def test_the_service_beside_others_is_as_it_is_alone():
    assert (
        shipped("deploy/applications.yaml")["applications"][0]
        == (shipped("serve.yaml")["applications"][0])
    )
