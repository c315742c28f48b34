"""What a cluster changes is merged into the project's Serve configuration."""

from typing import Any

from servekit.commands.manifests.serve_config import merged

SERVE: dict[str, Any] = {
    "http_options": {"host": "127.0.0.1", "port": 8000},
    "applications": [
        {
            "name": "default",
            "deployments": [
                {"name": "ingress", "num_replicas": 1, "ray_actor_options": {"num_cpus": 0.5}},
                {"name": "churn", "autoscaling_config": {"max_replicas": 4}},
            ],
        }
    ],
}


def deployments(**changes: Any) -> list[dict[str, Any]]:
    return merged(SERVE, changes)["applications"][0]["deployments"]


def named(**changes: Any) -> dict[str, Any]:
    return {"applications": [{"name": "default", "deployments": [changes]}]}


def test_what_is_not_changed_stays() -> None:
    assert merged(SERVE, {}) == SERVE
    options = merged(SERVE, {"http_options": {"host": "0.0.0.0"}})["http_options"]
    assert options == {"host": "0.0.0.0", "port": 8000}


def test_a_change_for_each_deployment_is_in_all() -> None:
    assert [
        one["max_surge_percent"] for one in deployments(each_deployment={"max_surge_percent": 0})
    ] == [0, 0]


def test_a_deployment_that_scales_by_itself_keeps_its_bounds() -> None:
    ingress, churn = deployments(each_deployment={"num_replicas": 2})
    assert ingress["num_replicas"] == 2
    assert churn == SERVE["applications"][0]["deployments"][1]


def test_bounds_take_the_place_of_a_fixed_number_and_back() -> None:
    [ingress, _] = deployments(each_deployment={"autoscaling_config": {"min_replicas": 2}})
    assert ingress == {
        "name": "ingress",
        "ray_actor_options": {"num_cpus": 0.5},
        "autoscaling_config": {"min_replicas": 2},
    }
    [_, churn] = deployments(**named(name="churn", num_replicas=3))
    assert churn == {"name": "churn", "num_replicas": 3}


def test_a_named_deployment_comes_over_each() -> None:
    changes = {"each_deployment": {"num_replicas": 2}, **named(name="ingress", num_replicas=5)}
    assert deployments(**changes)[0]["num_replicas"] == 5


def test_a_deployment_that_is_not_there_stays_to_be_named() -> None:
    assert deployments(**named(name="chrun", num_replicas=3))[-1]["name"] == "chrun"
