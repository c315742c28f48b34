"""Prometheus itself reads what the template gives it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from .template import PROJECT

PROMETHEUS = PROJECT / "deploy/prometheus"
# Debian's Prometheus is built without Kubernetes; a file takes its place in the job there.
BY_FILE = '    file_sd_configs: [{files: ["pods.json"]}]\n'
KUBERNETES = re.compile(r"    kubernetes_sd_configs:\n(?:      .*\n)+")


@pytest.fixture(scope="module")
def promtool() -> str:
    """The program that checks configurations, from the package `prometheus`."""
    found = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if found is None:
        reason = "promtool is missing: install the package prometheus, or set PROMTOOL."
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return found


def complaints(promtool: str, config: Path) -> str:
    command = [promtool, "check", "config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROMETHEUS, tmp_path / "prometheus"))


@pytest.mark.parametrize("name", ["prometheus.yml", "cluster.yml"])
def test_prometheus_understands_its_configuration(promtool: str, folder: Path, name: str):
    config = folder / name
    found = complaints(promtool, config)
    if "field kubernetes_sd_configs not found" in found:
        text, times = KUBERNETES.subn(BY_FILE, config.read_text(encoding="utf-8"))
        assert times == 1
        config.write_text(text, encoding="utf-8")
        found = complaints(promtool, config)
    assert found == ""


def test_prometheus_understands_what_compose_gives_it(promtool: str, tmp_path: Path):
    service = yaml.safe_load((PROJECT / "compose.yaml").read_text("utf-8"))["services"][
        "prometheus"
    ]
    for mount in service["volumes"]:
        source, target, _ = mount.split(":")
        shutil.copy(PROJECT / source, tmp_path / Path(target).relative_to("/etc/prometheus"))
    assert complaints(promtool, tmp_path / "prometheus.yml") == ""


def test_a_mistake_would_be_found(promtool: str, folder: Path):
    alerts = folder / "alerts.yml"
    wrong = alerts.read_text(encoding="utf-8").replace("histogram_quantile(", "quantile_of(")
    alerts.write_text(wrong, encoding="utf-8")
    assert "quantile_of" in complaints(promtool, folder / "prometheus.yml")


def test_prometheus_understands_the_alerts_of_kubernetes(promtool: str, tmp_path: Path):
    upgrades = PROJECT / "deploy/kubernetes/components/monitoring/upgrades.yaml"
    rule = yaml.safe_load(upgrades.read_text(encoding="utf-8"))
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rule["spec"]), encoding="utf-8")
    command = [promtool, "check", "rules", str(tmp_path / "rules.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 rules found" in done.stdout
