"""Ray on the hosts as KubeRay starts it in pods, and Serve as its operator deploys to it."""

import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from copy import deepcopy
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx2

from .hosts import NAMES, TESTS, Host, enter_network, make_network
from .manifests import Manifests, Pod, Probe

START_TIMEOUT_S = 180
"""Ten seconds where there is nothing else to do; and once more, should the first try fail."""
SETTLE_TIMEOUT_S = 180
REFRESH_S = 2
"""How often replicas look for the version to serve."""
WORKERS = ("w1", "w2")
WORKER_CPUS = {"num-cpus": "2"}
"""What the sample needs: Ray starts a process for each at once, and a worker of the manifests has
four."""
GCS_PORT, DASHBOARD_PORT, REDIS_PORT = 6379, 8265, 6379

KUBERAY = {
    "RAY_gcs_server_request_timeout_seconds": "5",
    "RAY_SERVE_KV_TIMEOUT_S": "5",
    "RAY_timeout_ms_task_wait_for_death_info": "0",
}
"""What KubeRay adds to the environment of each pod."""

PATIENCE = {"RAY_agent_register_timeout_ms": "120000"}
"""For machines whose processors have other things to do; nothing here depends on it."""


class Replica(NamedTuple):
    """A replica that runs."""

    deployment: str
    name: str
    node: str


class Kubelet(threading.Thread):
    """Asks a worker on its own host whether it is ready, as a kubelet does."""

    def __init__(self, host: Host, probe: Probe) -> None:
        super().__init__(daemon=True, name=f"kubelet of {host.name}")
        self.ready = False
        self._host = host
        self._probe = probe
        self._stopped = threading.Event()

    def run(self) -> None:
        enter_network(self._host.name)
        url = f"http://{self._host.address}:{self._probe.port}{self._probe.path}"
        failed = 0
        with httpx2.Client(trust_env=False, timeout=self._probe.timeout_s) as client:
            while not self._stopped.wait(self._probe.period_s):
                try:
                    answered = client.get(url).is_success
                except httpx2.HTTPError:
                    answered = False
                failed = 0 if answered else failed + 1
                self.ready = answered or (self.ready and failed < self._probe.failures)

    def stop(self) -> None:
        self._stopped.set()


class RayCluster:
    """A head without work, two workers, and a Redis that keeps what the head knows.

    Args:
        project: The service.
        folder: For logs.
        values: Of the manifests.
    """

    def __init__(self, project: Path, folder: Path, values: Manifests) -> None:
        self._project = project
        self._values = values
        self._token, self._redis_password = secrets.token_hex(32), secrets.token_hex(16)
        self._config = deepcopy(values.serve)
        self._folder = folder
        self._commands: dict[str, str] = {}
        pods = {"head": values.head, **dict.fromkeys(WORKERS, values.worker)}
        self.hosts = {
            name: Host(name, project, folder, self._environment(name, pod))
            for name, pod in pods.items()
        }
        self.kubelets: dict[str, Kubelet] = {}
        self._ending = ExitStack()
        self._api = self._ending.enter_context(
            httpx2.Client(
                base_url=f"http://{NAMES['head']}:{DASHBOARD_PORT}", trust_env=False, timeout=10
            )
        )

    def _environment(self, name: str, pod: Pod) -> dict[str, str]:
        redis = {
            "RAY_REDIS_ADDRESS": f"{TESTS}:{REDIS_PORT}",
            "RAY_external_storage_namespace": "nodes",
        }
        waiting = {"RAY_gcs_rpc_server_reconnect_timeout_s": "600"}
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": "/tmp",
            "PYTHONPATH": "/srv/src",
            "PYTHONPYCACHEPREFIX": os.environ.get("PYTHONPYCACHEPREFIX", "/tmp/bytecode"),
            "PYTHONUNBUFFERED": "1",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self._token,
            **KUBERAY,
            **PATIENCE,
            **(redis if name == "head" else waiting),
            **pod.environment,
            "MODEL_REFRESH_S": str(REFRESH_S),
        }

    def __enter__(self) -> Self:
        try:
            make_network()
            self._start_redis()
            self.start_head()
            self.start_workers(*WORKERS)
            self.deploy(build="1")
        except BaseException:
            self._ending.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ending.close()

    def _start_redis(self) -> None:
        options = f"--port {REDIS_PORT} --requirepass {self._redis_password} --save".split()
        redis = subprocess.Popen(
            ["redis-server", "--bind", TESTS, *options, "", "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
        )
        self._ending.callback(redis.wait)
        self._ending.callback(redis.kill)
        _wait_until(lambda: _listens(TESTS, REDIS_PORT), 10, "Redis does not answer.")

    def start_head(self) -> None:
        """Start the head, and wait until its dashboard answers."""
        options = {
            "head": "",
            "port": f"{GCS_PORT}",
            "dashboard-host": "0.0.0.0",
            "redis-password": self._redis_password,
        }
        self._start("head", self._values.head, options)
        _wait_until(
            lambda: self._status() is not None or self._start_again("head"),
            START_TIMEOUT_S,
            lambda: f"The head is not up:\n{self.hosts['head'].log.read_text()[-4000:]}",
        )

    def start_workers(self, *names: str) -> None:
        """Start workers; `wait_until_settled` waits for them."""
        for name in names:
            options = {"address": f"{NAMES['head']}:{GCS_PORT}", **WORKER_CPUS}
            self._start(name, self._values.worker, options)
            if name not in self.kubelets:
                self.kubelets[name] = Kubelet(self.hosts[name], self._values.readiness)
                self.kubelets[name].start()
                self._ending.callback(self.kubelets[name].stop)

    def _start(self, name: str, pod: Pod, options: Mapping[str, str]) -> None:
        kuberay = {
            "block": "",
            "node-ip-address": NAMES[name],
            "dashboard-agent-listen-port": "52365",
            "metrics-export-port": "8080",
        }
        given = [
            f"--{key}={value}" if value else f"--{key}"
            for key, value in {**pod.options, **kuberay, **options}.items()
        ]
        command = f"{pod.before}; ulimit -n 65536; exec ray start {' '.join(given)}"
        self._commands[name] = command
        self.hosts[name].start(command)
        self._ending.callback(self.hosts[name].kill)

    def _start_again(self, *names: str) -> bool:
        """Start what has ended, as a kubelet does: on a busy machine a start may fail."""
        for name in names:
            if not self.hosts[name].runs:
                self.hosts[name].start(self._commands[name])
        return False

    def deploy(self, **args: str) -> None:
        """Deploy what the manifests say, with other arguments of the application."""
        for application in self._config["applications"]:
            application["args"] |= args
        # The operator too asks again while the dashboard has just begun.
        _wait_until(
            lambda: self._ask("PUT", json=self._config) == 200,
            60,
            "The dashboard takes no configuration.",
        )

    def wait_until_settled(self, but: Iterable[Replica] = ()) -> frozenset[Replica]:
        """Wait until each worker is ready, and has one replica of each deployment.

        Args:
            but: Replicas that have to be gone by then.
        """
        [application] = self._config["applications"]
        wanted = [(one["name"], node) for one in application["deployments"] for node in WORKERS]

        def settled() -> bool:
            self._start_again(*WORKERS)
            replicas = self.replicas()
            return (
                sorted((one.deployment, one.node) for one in replicas) == sorted(wanted)
                and replicas.isdisjoint(but)
                and all(one["status"] == "RUNNING" for one in self._applications())
                and all(self.kubelets[name].ready for name in WORKERS)
            )

        _wait_until(settled, SETTLE_TIMEOUT_S, lambda: f"Not settled: {self._status()}")
        return self.replicas()

    def replicas(self) -> frozenset[Replica]:
        """All replicas that run."""
        names = {address: name for name, address in NAMES.items()}
        return frozenset(
            Replica(deployment, one["replica_id"], names[one["node_ip"]])
            for application in self._applications()
            for deployment, details in application["deployments"].items()
            for one in details["replicas"]
            if one["state"] == "RUNNING"
        )

    def _applications(self) -> list[dict[str, Any]]:
        return [*((self._status() or {}).get("applications") or {}).values()]

    def _status(self) -> dict[str, Any] | None:
        with suppress(httpx2.HTTPError):
            response = self._request("GET", self._token)
            return response.json() if response.is_success else None
        return None

    def _ask(self, method: str, **options: Any) -> int:
        with suppress(httpx2.HTTPError):
            return self._request(method, self._token, **options).status_code
        return 0

    def answers_to(self, token: str) -> int:
        """The status with which the dashboard answers to this token."""
        return self._request("GET", token).status_code

    def _request(self, method: str, token: str, **options: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._api.request(method, "/api/serve/applications/", headers=headers, **options)


def _listens(address: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


def _wait_until(
    done: Callable[[], bool], timeout_s: float, complaint: str | Callable[[], str]
) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(complaint if isinstance(complaint, str) else complaint())
        time.sleep(0.25)
