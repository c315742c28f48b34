"""Whether `ray start` takes what a group of a RayService tells it, and the pod has it."""

from collections.abc import Iterator, Mapping

import click
from ray.scripts.scripts import start

from servekit.commands.check_config.schema_keys import suggestion

from .pods import Group, quantity
from .rules import Manifests

OPTIONS: Mapping[str, click.Parameter] = {
    name.removeprefix("--"): one for one in start.params for name in one.opts
}
"""All that the installed Ray knows."""
WITH_A_TRUTH = {"include-dashboard", "include-log-monitor", "log-color"}
"""Those that KubeRay gives `true` or `false`; others are flags then, or left out."""
OF_KUBERAY = {"address", "head", "redis-password", "redis-username"}
"""What KubeRay decides by itself."""
ONLY = {"block": {"true"}, "dashboard-host": {"0.0.0.0", "::"}}  # noqa: S104  (of a pod)
"""Otherwise containers would end at once, and KubeRay's operator would not reach the dashboard."""
PORTS = {"port": ("gcs-server", 6379), "dashboard-port": ("dashboard", 8265)}
PORTS_OF_ALL = {"metrics-export-port": ("metrics", 8080)}
"""Which port of the container an option moves, and where it is otherwise."""


def in_options(manifests: Manifests) -> Iterator[str]:
    """Check names and values of options, on which other rules rely."""
    for group in manifests.groups:
        for name, value in group.params.items():
            if fault := fault_of(name, value):
                yield f"{group.what}: rayStartParams: {fault}"


def in_ray_start(manifests: Manifests) -> Iterator[str]:
    for group in manifests.groups:
        yield from in_ports(group)
        yield from in_reservations(group)


def fault_of(name: str, value: str) -> str | None:
    if name not in OPTIONS:
        return f"Unknown key {name!r}.{suggestion(name, OPTIONS)}"
    if name in OF_KUBERAY:
        return f"remove {name}: KubeRay sets it."
    if value not in ONLY.get(name, {value}):
        return f"{name} must be {' or '.join(sorted(ONLY[name]))}, and is {value}."
    return fault_of_value(name, value)


def fault_of_value(name: str, value: str) -> str | None:
    option = OPTIONS[name]
    if value.lower() in {"true", "false"} and name not in WITH_A_TRUTH:
        return None if getattr(option, "is_flag", False) else f"{name} needs a value."
    try:
        option.type.convert(value, option, None)
    except click.BadParameter as error:
        return f"{name}: {error.message.rstrip('.')}."
    return None


def in_ports(group: Group) -> Iterator[str]:
    moved = PORTS_OF_ALL | (PORTS if group.is_head else {})
    for option, (name, default) in moved.items():
        port, said = group.ports.get(name), group.params.get(option, str(default))
        if port is not None and said != str(port):
            yield f"{group.what} has port {port} as {name!r}, and Ray's {option} is {said}."


def in_reservations(group: Group) -> Iterator[str]:
    """Check that Ray hands out no more than the pod has."""
    told, memory = group.capacity, quantity(group.limits.get("memory", 0))
    most = max(told["memory"], quantity(group.params.get("object-store-memory", 0)))
    if most > memory > 0:
        yield f"{group.what} tells Ray of {most:g} bytes of memory, and its limit is {memory:g}."
    if told["num_gpus"] > group.gpus:
        yield (
            f"{group.what} tells Ray of {told['num_gpus']:g} GPUs, and its limits have "
            f"{group.gpus:g}."
        )
