"""`make serve`: run `serve.yaml` on a local Ray Serve until Ctrl-C or SIGTERM.

Changes of that file are applied while it runs. However it ends, no process is left behind.
"""

# All but the standard library is imported inside functions, once signals are listened to:
# Ray alone takes seconds, and a Ctrl-C in the meantime must not end in a stack trace.

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from servekit.commands import refuse_unknown_propagators
from servekit.commands.free_ports import refuse_taken_port
from servekit.commands.launcher.environment import (
    grpc_ports_of_its_own,
    keep_to_loopback,
    prepare_environment,
)
from servekit.commands.launcher.file_watcher import Changes
from servekit.commands.launcher.proxy_keeper import ProxyKeeper
from servekit.commands.launcher.serve import (
    deploy,
    drained_at_the_end,
    local_ray,
    wait_until_running,
)
from servekit.commands.stopping import Stopper, adopt_orphans, end_descendants
from servekit.loopback import is_loopback

if TYPE_CHECKING:
    from ray.serve.schema import ServeDeploySchema


Check = Callable[[], object]
"""Raises SettingsError when a setting of the service cannot be used."""


def serve(check_settings: str, options: argparse.Namespace) -> None:
    """Serve until stopped.

    Args:
        check_settings: Where the function is that checks the settings of the service,
            "package.module:function"; it is imported once signals are listened to.
        options: The configuration file, the profile and the host, as the command line names them.
    """
    stopper = Stopper()
    try:
        stopper.listen()
        adopt_orphans()
        with tempfile.TemporaryDirectory(prefix="serve-", ignore_cleanup_errors=True) as scratch:
            try:
                changes = Changes(options.config)
                check = resolve_name(check_settings)
                config = checked_configuration(options.config, check, options.host)
                prepare_environment(options.profile, Path(scratch), os.environ)
                keep_to_loopback(str(config["http_options"]["host"]), os.environ)
                with grpc_ports_of_its_own(os.environ):
                    serve_until_stopped(config, stopper, options, changes, Path(scratch))
            finally:
                stopper.cleaning = True
                end_descendants()
    except BaseException as error:
        # Not only Stop: Ray's compiled code makes a SystemError of it, and a sentence of that.
        if not (stopper.raised or isinstance(error, KeyboardInterrupt)):
            raise
        print("Stopped.", flush=True)


def checked_configuration(path: Path, check: Check, host: str | None = None) -> dict[str, Any]:
    """Read a Serve configuration, and check its ports and the settings.

    Args:
        path: Of the file.
        check: Of the settings.
        host: Listened on in place of the one in the file.

    Raises:
        SystemExit: The file, a port or a setting cannot be used.
    """
    from dotenv import load_dotenv

    from servekit.commands.check_config.strict_yaml import (
        ConfigurationError,
        read,
    )
    from servekit.commands.launcher.settings import LaunchSettings
    from servekit.settings import SettingsError

    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    refuse_unknown_propagators()
    try:
        config = read(path)
        http = config["http_options"]
        http["host"] = host or http["host"]
        refuse_taken_port(str(http["host"]), int(http["port"]))
        if grpc := config.get("grpc_options"):
            refuse_taken_port(str(http["host"]), int(grpc["port"]))
    except OSError as error:
        raise SystemExit(str(error)) from None
    except ConfigurationError as error:
        raise SystemExit(f"{path}: {error}") from None
    except (TypeError, KeyError, ValueError, OverflowError):
        raise SystemExit(
            f"{path} must have http_options with host and port, and the port of any grpc_options."
        ) from None
    try:
        LaunchSettings.load()
        check()
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    return config


def serve_until_stopped(
    config: Mapping[str, Any],
    stopper: Stopper,
    options: argparse.Namespace,
    changes: Changes,
    scratch: Path,
) -> None:
    from servekit.commands.check_config.checks import checked
    from servekit.commands.check_config.strict_yaml import ConfigurationError

    try:
        schema = checked(config)
    except ConfigurationError as error:
        raise SystemExit(f"{options.config}: {error}") from None
    with local_ray(stopper, scratch), drained_at_the_end(stopper, lambda: schema):
        deploy(schema)
        wait_until_running(schema, stopper)
        say_what_listens(config)
        keeper = ProxyKeeper(Path(os.environ.get("RAY_SERVE_HAPROXY_SOCKET_PATH", "")))
        while True:
            stopper.raise_if_asked()
            keeper.look()
            if changes.seen():
                schema = apply_change(schema, stopper, options, changes)
            time.sleep(0.2)


def apply_change(
    running: "ServeDeploySchema",
    stopper: Stopper,
    options: argparse.Namespace,
    changes: Changes,
) -> "ServeDeploySchema":
    """Apply the changed file, if it is valid; return the configuration that runs now.

    Unchanged applications are left alone, as by `serve deploy`.
    """
    from servekit.commands.check_config.checks import checked
    from servekit.commands.check_config.strict_yaml import (
        ConfigurationError,
        read,
    )

    path: Path = options.config
    try:
        schema = checked(read(path))
    except ConfigurationError as error:
        print(f"{path}: {error} Nothing was changed.", flush=True)
        return running
    if options.host:
        schema.http_options.host = options.host
    if fixed_at_the_start(schema) != fixed_at_the_start(running):
        print("Restart to change where Serve listens.", flush=True)
    deploy(schema)
    try:
        if wait_until_running(schema, stopper, changes.waiting):
            print(f"Applied {path}.", flush=True)
    except SystemExit as failure:
        print(failure, flush=True)
    return schema


def fixed_at_the_start(schema: "ServeDeploySchema") -> tuple[object, ...]:
    return schema.http_options, schema.grpc_options, schema.proxy_location


def say_what_listens(config: Mapping[str, Any]) -> None:
    http, grpc = config["http_options"], config.get("grpc_options")
    with_haproxy = os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1"
    if grpc:
        # Serve's Python proxy knows no host for it.
        host = http["host"] if with_haproxy else "every interface"
        print(f"Serving gRPC on port {grpc['port']} of {host}.", flush=True)
    reachable = [*_ports_of_haproxy(bool(grpc))] if with_haproxy else []
    if not is_loopback(str(http["host"])):
        reachable.append("Ray's own processes")
    others = ", ".join([*reachable, "calls between replicas (ports that the system chooses)"])
    print(f"Reachable from other machines: {others}.", flush=True)
    print(f"Serving on http://{http['host']}:{http['port']} (Ctrl-C stops).", flush=True)


def _ports_of_haproxy(with_grpc: bool) -> Iterator[str]:
    """What Serve has listen on every interface beside HAProxy, whatever host it is told."""

    def port(name: str) -> str:
        return os.environ[f"RAY_SERVE_{name}_PORT"]

    yield f"HAProxy's statistics ({port('HAPROXY_STATS')}) and metrics ({port('HAPROXY_METRICS')})"
    if with_grpc:
        yield f"its fallback for gRPC ({port('FALLBACK_PROXY_GRPC')})"
        first, last = port("DIRECT_INGRESS_MIN_GRPC"), port("DIRECT_INGRESS_MAX_GRPC")
        yield f"gRPC of the replicas ({first} to {last})"
