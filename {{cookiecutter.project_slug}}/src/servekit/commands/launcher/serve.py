"""Starts, deploys to, drains and stops a Ray Serve on this machine."""

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from shutil import rmtree
from threading import Thread
from typing import TYPE_CHECKING, Any

from servekit.commands.free_ports import free_port_near
from servekit.commands.launcher.haproxy import HAProxy
from servekit.commands.stopping import Stopper, descendants, end_descendants

if TYPE_CHECKING:
    from ray.serve.schema import ServeDeploySchema

OBJECT_STORE_BYTES = 256 * 1024 * 1024
"""Answers travel by gRPC; Ray's shared memory stays almost empty."""
UNSAID_GRACE_S = 20.0
"""What Serve grants by default."""
PROXY, PROXY_ACTOR = "/haproxy", "ray::HAProxyManager"
UNUSABLE = re.compile(r"['\\]")
METRICS_PORT = 8080
"""Ray's metrics agent listens there, or on the next free port above it."""


@contextmanager
def local_ray(stopper: Stopper, scratch: Path) -> Iterator[None]:
    """Run Ray on this machine inside the block.

    Args:
        stopper: Told when Ray is started, and when it is being stopped.
        scratch: A folder to remove with this process, should Ray die.

    Raises:
        SystemExit: Ray did not start; the message says why.
    """
    import ray

    try:
        metrics_port = free_port_near(METRICS_PORT)
        # An exception in the middle of its start could leave a lock of Ray's or of the log held.
        with stopper.held_back():
            start_ray(metrics_port)
        Thread(target=end_with_ray, args=(stopper, scratch), daemon=True).start()
        print(f"Metrics for Prometheus are on port {metrics_port}.", flush=True)
        stopper.listen()
        stopper.raise_if_asked()
        yield
    finally:
        stopper.cleaning = True
        while_ray_is_there(ray.shutdown)


def start_ray(metrics_port: int) -> None:
    import ray
    from ray._common.utils import get_default_system_temp_dir
    from ray._private import utils

    refuse_unusable_paths(sys.executable, ray.__file__, get_default_system_temp_dir())
    # Ray's own handler would swallow a signal to stop that comes while it starts.
    kept: Any = utils
    kept.set_sigterm_handler = lambda _handler: None
    try:
        ray.init(
            "local",  # or it would join a cluster that already runs on this machine
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            _metrics_export_port=metrics_port,
        )
    except Exception as error:  # Ray raises bare ones too
        raise SystemExit(why_not_started("Ray", error)) from None


def refuse_unusable_paths(*paths: str) -> None:
    """Raise SystemExit, naming a path of which Ray would lose parts.

    It hands the command of its workers on as one text, in which both quote.
    """
    for path in paths:
        if UNUSABLE.search(path):
            raise SystemExit(
                f"Ray cannot use {path}: paths of the project and of RAY_TMPDIR must have no"
                " apostrophes and no backslashes."
            )


def why_not_started(what: str, error: Exception) -> str:
    """Return a sentence with the cause, and one with what to do."""
    from ray._common.utils import get_default_system_temp_dir

    folder = get_default_system_temp_dir()
    # Ray goes on with guesses, tracebacks and the ends of its logs.
    cause = re.split(r"\.\s|\n", str(error), maxsplit=1)[0].rstrip(".") or type(error).__name__
    advice = f"Try again if the machine was busy, or see {folder}/ray/session_latest/logs."
    if isinstance(error, OSError) and not isinstance(error, TimeoutError | ConnectionError):
        advice = f"Ray writes to {folder}: set RAY_TMPDIR to a short path of a writable folder."
    return f"{what} did not start: {cause}. {advice}"


@contextmanager
def drained_at_the_end(
    stopper: Stopper, schema: "Callable[[], ServeDeploySchema]"
) -> Iterator[None]:
    """Let requests in flight finish when the block ends, and refuse new connections."""
    try:
        yield
    finally:
        stopper.cleaning = True
        while_ray_is_there(partial(drain, grace_s(schema())))


def grace_s(schema: "ServeDeploySchema") -> float:
    """How long requests may take to finish: the longest that any deployment grants."""
    granted = (
        one.graceful_shutdown_timeout_s
        for application in schema.applications
        for one in application.deployments
    )
    said = (float(one) if isinstance(one, int | float) else UNSAID_GRACE_S for one in granted)
    return max(said, default=UNSAID_GRACE_S)


def while_ray_is_there(work: Callable[[], None]) -> None:
    """Run work that waits for Ray, and abandon it once Ray's head accepts no connections.

    So it is where a signal goes to the whole group of processes, as `timeout` sends it. Ray would
    wait for its head for a minute, and then end this process before all else is cleaned up.
    """
    import ray

    if not ray.is_initialized():  # stopped while it started
        work()
        return
    if dead_process():  # it would wait for what never comes
        return
    working = Thread(target=work, daemon=True)
    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    working.start()
    with suppress(OSError):
        while working.is_alive():
            socket.create_connection((host, int(port)), timeout=1).close()
            working.join(0.2)


def end_with_ray(stopper: Stopper, scratch: Path) -> None:
    """Wait until Ray dies, then end this process and all that it started.

    In a thread: the main one may wait for an answer of Ray's, and would for a minute.
    """
    while not (died := dead_process()):
        if stopper.cleaning:
            return
        time.sleep(0.2)
    stopper.cleaning = True
    # Nothing would replace a replica from here on.
    print(f"Ray has died: its {died} is gone. Start the service again.", flush=True)
    end_descendants()
    rmtree(scratch, ignore_errors=True)
    os._exit(1)


def dead_process() -> str:
    """Return the name of a process that Ray cannot do without and that has died; else ""."""
    from ray._private import worker

    node: Any = getattr(worker, "_global_node", None)
    died: list[tuple[str, Any]] = node.dead_processes() if node else []
    return next((name for name, _ in died if name in {"gcs_server", "raylet"}), "")


def drain(timeout_s: float) -> None:
    """Stop Serve once nothing is under way.

    HAProxy would go on listening while Serve takes its applications away: callers would wait, and
    get a 404 for routes that exist. So it stops listening first, and is gone before them. Where
    there is none, deleting applications waits for their replicas, as long as each may take to stop:
    shutting Serve down at once would take the proxy away from under open streams.
    """
    from ray import serve
    from ray.serve import context

    haproxy = HAProxy(Path(os.environ.get("RAY_SERVE_HAPROXY_SOCKET_PATH", "")))
    with suppress(Exception):
        applications = serve.status().applications
        asked = [name for name, one in applications.items() if may_have_requests(one)]
        if asked and haproxy.stop_listening():
            wait_until_idle(haproxy, timeout_s)
            end_haproxy()
        elif client := context._get_global_client():  # pyright: ignore[reportPrivateUsage]
            client.delete_apps(asked)  # serve.delete takes one, and waits for it
        serve.shutdown()


def wait_until_idle(haproxy: HAProxy, timeout_s: float) -> None:
    """Wait until nothing is under way, as long as it may take.

    After a change of replicas, an older HAProxy carries the requests that it had, and then ends.
    """
    deadline = time.monotonic() + timeout_s
    while haproxy.requests() or len(processes(PROXY)) > 1:
        if time.monotonic() > deadline or dead_process():
            return
        time.sleep(0.1)


def end_haproxy() -> None:
    """End HAProxy, and before it the actor that would start it anew as applications go."""
    for name in (PROXY_ACTOR, PROXY):
        for pid in processes(name):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def processes(name: str) -> list[int]:
    """Return the ids of the processes below this one with such a program."""
    found: list[int] = []
    for pid in descendants():
        with suppress(OSError):
            program = Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0].decode()
            if program.endswith(name):
                found.append(pid)
    return found


def may_have_requests(application: Any) -> bool:
    # Not the application's status: callers are answered a moment before it says RUNNING.
    return any("RUNNING" in one.replica_states for one in application.deployments.values())


def deploy(schema: "ServeDeploySchema") -> None:
    """Start Serve, and deploy its applications without waiting for them.

    Raises:
        SystemExit: Serve did not start; the message says why.
    """
    # What the `serve run` command does, without its endless wait and its stack dump on SIGTERM.
    from ray.exceptions import RayError
    from ray.serve._private import api

    # Serve gives its proxies a minute, however busy the machine is, and has no setting for it.
    limits: Any = api
    limits.HTTP_PROXY_TIMEOUT = max(limits.HTTP_PROXY_TIMEOUT, start_timeout_s(schema))
    try:
        client = api.serve_start(
            http_options=schema.http_options.model_dump(),
            grpc_options=schema.grpc_options.model_dump(),
            controller_options=schema.controller_options,
            proxy_location=schema.proxy_location,
        )
    except (RayError, TimeoutError) as error:  # such as proxies that are ready too late
        raise SystemExit(why_not_started("Serve", error)) from None
    client.deploy_apps(schema, _blocking=False)


def applications_here() -> Mapping[str, Any]:
    from ray import serve

    return serve.status().applications


def wait_until_running(
    schema: "ServeDeploySchema",
    stopper: Stopper,
    outdated: Callable[[], bool] = lambda: False,
    applications: Callable[[], Mapping[str, Any]] = applications_here,
) -> bool:
    """Wait until every application runs; return False if the configuration is outdated first.

    Args:
        schema: What was deployed.
        stopper: Ends the waiting.
        outdated: Whether there is a newer configuration.
        applications: Gives those that there are, with their status, by name.

    Raises:
        SystemExit: An application failed, or took too long.
    """
    named = {one.name for one in schema.applications}
    timeout_s = start_timeout_s(schema)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        stopper.raise_if_asked()
        if outdated():
            return False
        there = applications()
        for name, application in there.items():
            if name in named and has_failed(application):
                reason = reason_of(application)
                raise SystemExit(f"The application {name!r} did not start: {reason}")
        if are_running(there, named):
            return True
        time.sleep(0.2)
    raise SystemExit(
        f"The service did not start within {timeout_s:g} seconds: see the log, or set "
        "SERVE_START_TIMEOUT_S to more."
    )


def start_timeout_s(schema: "ServeDeploySchema") -> float:
    """How long its applications may take. Raises SystemExit when a setting is malformed."""
    from servekit.registry.errors import ModelStoreError
    from servekit.settings import SettingsError

    from .settings import LaunchSettings

    environments: list[dict[str, str]] = [
        {**os.environ, **one.runtime_env.get("env_vars", {})} for one in schema.applications
    ]
    try:
        return LaunchSettings.load().wait_s(environments)
    except (SettingsError, ModelStoreError) as error:
        raise SystemExit(str(error)) from None


def are_running(applications: Mapping[str, Any], named: AbstractSet[str]) -> bool:
    """Whether exactly the named applications exist, and all run."""
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
