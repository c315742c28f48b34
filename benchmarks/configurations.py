"""The rendered `serve.yaml`, in the placement and with as many replicas as a table asks for."""

from pathlib import Path

import yaml

from .environments import FOLDER, PROJECT


def configuration(
    placement: str, processes: int, project: Path = PROJECT, application_path: str = ""
) -> Path:
    """As rendered, but for the placement, the number of replicas, and what they reserve.

    Reserving is not limiting: two replicas of each must fit on a machine with two cores.

    Args:
        placement: Of the model.
        processes: Replicas of each deployment.
        project: The rendered one.
        application_path: Of another application than the project's, in its place.

    Returns:
        The path of the file.
    """
    config = yaml.safe_load((project / "serve.yaml").read_text(encoding="utf-8"))
    [application] = config["applications"]
    application["args"]["placement"] = placement
    application["import_path"] = application_path or application["import_path"]
    deployments = {one["name"]: one for one in application["deployments"]}
    if placement == "inline":
        deployments = {"ingress": deployments["ingress"]}
    for name, deployment in deployments.items():
        if name in {"ingress", "language"}:
            deployment["num_replicas"] = processes
            deployment["ray_actor_options"]["num_cpus"] /= processes
    application["deployments"] = list(deployments.values())
    name = application["import_path"].partition(":")[0]
    path = FOLDER / f"{project.name}-{name}-{placement}-{processes}.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path
