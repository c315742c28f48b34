"""Dashboards, alerts and Prometheus' configuration: what can be told without a cluster."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from servekit.commands.launcher.serve import METRICS_PORT

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana").glob("*.json"))
METRIC = re.compile(r"\bray_\w+")


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def queries_of(dashboard: dict[str, Any]) -> list[str]:
    variables = [one["query"] for one in dashboard["templating"]["list"]]
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [*variables, *panels]


def alerts() -> list[dict[str, Any]]:
    groups = loaded(DEPLOY / "prometheus/alerts.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def metrics_in(path: Path) -> set[str]:
    """The names of the metrics that a dashboard, or the file of alerts, asks for."""
    if path.suffix == ".json":
        queries = queries_of(json.loads(path.read_text(encoding="utf-8")))
    else:
        queries = [rule["expr"] for rule in alerts()]
    return {name for query in queries for name in METRIC.findall(query)}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_of_a_dashboard_asks_for_a_metric(path: Path) -> None:
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    assert [query for query in queries_of(dashboard) if not METRIC.search(query)] == []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_no_panel_covers_another(path: Path) -> None:
    places = set()
    for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
        at = panel["gridPos"]
        covered = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not covered & places, panel["title"]
        assert max(x for x, _ in covered) < 24
        places |= covered


def test_dashboards_can_be_told_apart() -> None:
    found = [json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS]
    assert len({one["uid"] for one in found}) == len(found) == len({one["title"] for one in found})


def test_dashboards_use_the_data_source_that_is_provisioned() -> None:
    [source] = loaded(DEPLOY / "grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    for path in DASHBOARDS:
        used = set(re.findall(r'"uid": "([\w-]+)"\s*}', path.read_text(encoding="utf-8")))
        assert used == {source["uid"]}


@pytest.mark.parametrize("path", [*DASHBOARDS, DEPLOY / "prometheus/alerts.yml"], ids=str)
def test_dashboards_use_no_estimated_sum(path: Path) -> None:
    assert [name for name in metrics_in(path) if name.endswith("_sum")] == []


@pytest.mark.parametrize("name", ["prometheus.yml", "cluster.yml"])
def test_a_scrape_configuration_finds_its_alerts(name: str) -> None:
    folder = DEPLOY / "prometheus"
    config = loaded(folder / name)
    assert [job["job_name"] for job in config["scrape_configs"]] == ["ray"]
    assert [file for file in config["rule_files"] if not (folder / file).is_file()] == []


def test_the_local_configuration_names_the_port_that_is_tried_first() -> None:
    [job] = loaded(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"]
    targets = [target for one in job["static_configs"] for target in one["targets"]]
    assert targets == [f"127.0.0.1:{METRICS_PORT}"]
