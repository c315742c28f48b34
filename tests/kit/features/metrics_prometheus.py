"""A real Prometheus of the tests' own, which reads what Ray's agent says."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import yaml

from servekit.testing.subprocesses import free_port, without

PROGRAM = shutil.which("prometheus")
START_TIMEOUT_S = 30


class Asked(NamedTuple):
    """An expression, and the labels by which its series are told apart."""

    expression: str
    labels: frozenset[str]


class Prometheus:
    """Answers queries.

    Args:
        url: Its address.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def missing(self, asked: Asked) -> str:
        """Return what the answer to an expression lacks, "" if nothing."""
        series = self._get("query", query=asked.expression)["result"]
        if not series:
            return f"no series: {asked.expression}"
        there = set.intersection(*({*one["metric"]} for one in series))
        absent = sorted(asked.labels - there)
        return f"no label {', '.join(absent)}: {asked.expression}" if absent else ""

    def label_values(self, metric: str, label: str) -> list[str]:
        return self._get(f"label/{label}/values", **{"match[]": metric})

    def _get(self, path: str, **parameters: str) -> Any:
        response = httpx2.get(f"{self._url}/api/v1/{path}", params=parameters, timeout=30)
        assert response.is_success, f"{parameters}: {response.text}"
        return response.json()["data"]


@contextmanager
def running_prometheus(folder: Path, agent_port: int) -> Iterator[Prometheus]:
    """Scrape Ray's agent every second, as the configuration of a project does every fifteen."""
    if PROGRAM is None:
        without("prometheus is not installed")
    address = f"127.0.0.1:{free_port()}"
    job = {"job_name": "ray", "static_configs": [{"targets": [f"127.0.0.1:{agent_port}"]}]}
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    process = subprocess.Popen(
        [
            str(PROGRAM),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--log.level=error",
        ]
    )
    try:
        wait_until_ready(f"http://{address}", process)
        yield Prometheus(f"http://{address}")
    finally:
        process.terminate()
        process.wait(30)


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(f"{url}/-/ready").is_success:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError("Prometheus did not start.")


def as_grafana_asks(panels: list[dict[str, Any]]) -> Iterator[Asked]:
    """What each line of each panel asks, with Grafana's variables filled in."""
    for panel in panels:
        for target in panel["targets"]:
            # All of them, but not what has no such label.
            expression = target["expr"].replace("$application", ".+")
            legend = frozenset(re.findall(r"{{\s*(\w+)\s*}}", target["legendFormat"]))
            assert legend, f"{panel['title']}: its lines cannot be told apart"
            yield Asked(expression.replace("$__rate_interval", "1m"), legend)


def as_alerts_ask(rules: list[dict[str, Any]]) -> Iterator[Asked]:
    """What each alert asks, whether it is above its threshold or not."""
    for rule in rules:
        expression, times = re.subn(r">\s*[\d.]+\s*$", "", rule["expr"])
        assert times == 1, f"{rule['alert']}: it has no threshold"
        said = " ".join(rule["annotations"].values())
        yield Asked(expression, frozenset(re.findall(r"\$labels\.(\w+)", said)))
