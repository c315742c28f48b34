"""`make serve ADDRESS=` deploys to a Ray that runs already, and refuses in one sentence."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest
import yaml

from servekit.commands import main
from servekit.commands.free_ports import claimed_ports
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.subprocesses import PROJECT, environment, free_port

from tests.inline_configuration import write_inline

START_S = 120
TOKEN = "of-the-cluster" * 4


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The tests' `serve.yaml`, inline, on free ports, and for this machine alone."""
    return write_inline(tmp_path / "serve.yaml")


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[str]:
    """The address of the dashboard of a Ray that was started by `ray start`."""
    port = free_port()
    log = tmp_path / "log"
    # The paths of its sockets must be short.
    with (
        claimed_ports(31_100, 100) as ports,
        TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as scratch,
        log.open("w") as output,
    ):
        settings = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": TOKEN,
            "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(ports[0]),
            "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(ports[-1]),
            **profile(),
        }
        command = ["start", "--head", "--block", "--num-cpus=2", f"--dashboard-port={port}"]
        command += [f"--port={free_port()}", f"--dashboard-agent-listen-port={free_port()}"]
        command += ["--object-store-memory=100000000", f"--temp-dir={scratch}"]
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("ray")), *command],
            cwd=PROJECT,
            env=environment(**settings),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def profile() -> dict[str, str]:
    lines = (PROJECT / "deploy/serve.env").read_text(encoding="utf-8").splitlines()
    settings = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in settings}


def deploy(address: str, config: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    command = ["-m", "acme_service", "serve", "--config", str(config), "--address", address]
    return subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        env=environment(ENV_FILE="nowhere", **settings),
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )


def test_a_wrong_configuration_is_not_sent(config: Path) -> None:
    config.write_text(config.read_text("utf-8").replace("num_replicas", "replicas"), "utf-8")
    with pytest.raises(SystemExit, match="Unknown key 'applications"):
        main("acme_service.app:WIRING", ["serve", "--config", str(config), "--address", "auto"])


def test_a_cluster_that_is_not_there_is_one_sentence(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_DASHBOARD_ADDRESS", address := f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SystemExit) as refusal:
        main("acme_service.app:WIRING", ["serve", "--config", str(config), "--address", "auto"])
    assert str(refusal.value) == f"Not deployed: Failed to connect to Ray at address: {address}."


def wait_for(dashboard: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx2.HTTPError):
            # Without a token: it is there, and asks for one.
            assert httpx2.get(f"{dashboard}/api/version", timeout=5).status_code == 401
            return
        time.sleep(0.5)
    pytest.fail(f"Ray did not start: {log.read_text(encoding='utf-8')}")


@pytest.mark.serve
@pytest.mark.timeout(300)
def test_a_configuration_is_deployed_to_a_ray_that_runs(config: Path, dashboard: str) -> None:
    other = deploy(dashboard, config, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="another" * 8)
    assert other.returncode == 1
    assert other.stderr.startswith("Not deployed: ")
    assert other.stderr.count("\n") == 1
    done = deploy(dashboard, config, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=TOKEN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("Every application runs.\n")
    port = yaml.safe_load(config.read_text("utf-8"))["http_options"]["port"]
    ready = httpx2.get(f"http://127.0.0.1:{port}/health/ready", headers=HEADERS, timeout=30)
    assert ready.status_code == 200
