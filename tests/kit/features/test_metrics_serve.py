"""The feature `metrics` over Ray Serve: what Prometheus reads from Ray's agent."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from servekit.registry.sources.folder import FolderSource
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import Cluster, UrlOf

from .metrics_prometheus import (
    Prometheus,
    as_alerts_ask,
    as_grafana_asks,
    running_prometheus,
)
from .test_metrics_dashboards import DASHBOARDS, DEPLOY, alerts, loaded, metrics_in
from tests.applications import replicated
from tests.ingress.slow_senders import MAX_BODY_BYTES, first_status, slow_senders

pytestmark = pytest.mark.serve

REPORTED_WITHIN_S = 40
"""Replicas report to the agent every ten seconds; the busy machine of a test may be late."""


def agent_port(cluster: Cluster) -> int:
    [port] = re.findall(r"Metrics for Prometheus are on port (\d+)", cluster.log.read_text())
    return int(port)


def scrape(cluster: Cluster) -> dict[str, list[Sample]]:
    """What Ray's agent says, by name."""
    text = httpx2.get(f"http://127.0.0.1:{agent_port(cluster)}/metrics", timeout=30).text
    samples: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample)
    return samples


def scrape_until(
    cluster: Cluster, complete: Callable[[dict[str, list[Sample]]], object]
) -> dict[str, list[Sample]]:
    deadline = time.monotonic() + REPORTED_WITHIN_S
    while not complete(samples := scrape(cluster)) and time.monotonic() < deadline:
        time.sleep(1)
    return samples


def total(samples: dict[str, list[Sample]], name: str, **labels: str) -> float:
    found = [one for one in samples.get(name, []) if labels.items() <= one.labels.items()]
    return sum(one.value for one in found)


def post(url: str, text: str) -> httpx2.Response:
    return httpx2.post(f"{url}/v1/detect", json={"text": text}, headers=HEADERS, timeout=30)


@pytest.mark.application("inline")
def test_requests_are_added_up_over_applications_and_replicas(
    cluster: Cluster, url_of: UrlOf
) -> None:
    route = {"route": "/v1/languages/{code}", "method": "GET", "status": "404"}

    def asked(application: str) -> Callable[[dict[str, list[Sample]]], float]:
        return lambda samples: total(
            samples, "ray_http_requests_total", application=application, **route
        )

    before = scrape(cluster)
    for url, times in ((cluster.url, 3), (url_of("inline"), 2)):
        for number in range(times):
            httpx2.get(f"{url}/v1/languages/x{number}", headers=HEADERS)
    wanted = {name: asked(name)(before) + times for name, times in (("default", 3), ("inline", 2))}

    samples = scrape_until(
        cluster, lambda now: all(asked(name)(now) >= value for name, value in wanted.items())
    )
    assert {name: asked(name)(samples) for name in wanted} == wanted
    [replica, *_] = samples["ray_http_requests_total"]
    assert replica.labels.keys() >= {"deployment", "replica", "application", "route", "status"}


def test_a_distribution_can_be_asked_for_its_quantiles(cluster: Cluster) -> None:
    def taken(samples: dict[str, list[Sample]], le: str) -> float:
        labels = {"route": "/v1/detect", "application": "default", "le": le}
        return total(samples, "ray_http_request_seconds_bucket", **labels)

    before = taken(scrape(cluster), "+Inf")
    for number in range(5):
        assert post(cluster.url, f"house {number}").is_success
    labels = {"model": "language", "application": "default"}

    def each_call_has_items(samples: dict[str, list[Sample]]) -> bool:
        calls = total(samples, "ray_model_batch_size_count", **labels)
        return total(samples, "ray_model_items_total", **labels) >= calls

    # Counts may be handed over with the next report: half a second after what they belong to.
    samples = scrape_until(
        cluster, lambda now: taken(now, "+Inf") >= before + 5 and each_call_has_items(now)
    )
    assert taken(samples, "+Inf") == before + 5
    assert taken(samples, "60.0") == before + 5
    assert total(samples, "ray_model_call_seconds_count", **labels) > 0
    assert each_call_has_items(samples)


@pytest.fixture(scope="module")
def _provoked(cluster: Cluster, every_application: list[str]) -> None:
    """What is counted has happened: equal questions, too many, more than a model can take, large
    bodies that stay unfinished, and a version that no replica answers with.
    """
    store = FolderSource(replicated.store(cluster).as_uri(), 5)
    store.move_alias("language", "challenger", "3", before="2")
    for _ in range(2):
        post(cluster.url, "the same house")
    stranger = {"X-Forwarded-For": "198.51.100.7"}
    with ThreadPoolExecutor(20) as threads:
        answers = threads.map(lambda number: post(f"{cluster.url}/stuck", f"{number}"), range(20))
        assert 503 in {answer.status_code for answer in answers}
        size, sent = MAX_BODY_BYTES, MAX_BODY_BYTES - 1
        with slow_senders(cluster.url + "/stuck", 6, size=size, sent=sent) as senders:
            assert first_status(senders) == 429
        for url in every_application:
            for _ in range(10):
                threads.submit(httpx2.get, f"{url}/v1/languages", headers=stranger, timeout=30)


@pytest.mark.usefixtures("_provoked")
@pytest.mark.parametrize(
    "path", [*DASHBOARDS, DEPLOY / "prometheus/alerts.yml"], ids=lambda path: path.stem
)
def test_every_metric_that_somebody_looks_at_is_there(cluster: Cluster, path: Path) -> None:
    wanted = metrics_in(path)
    samples = scrape_until(cluster, lambda now: wanted <= now.keys())
    assert sorted(wanted - samples.keys()) == []


@pytest.fixture(scope="module")
def prometheus(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, _provoked: None
) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    with running_prometheus(folder, agent_port(cluster)) as prometheus:
        yield prometheus


def until_none(missing: Callable[[], list[str]]) -> list[str]:
    """What is missing for good: replicas report, and Prometheus scrapes, one after the other."""
    deadline = time.monotonic() + REPORTED_WITHIN_S
    while (found := missing()) and time.monotonic() < deadline:
        time.sleep(1)
    return found


@pytest.mark.parametrize(
    "path", [*DASHBOARDS, DEPLOY / "prometheus/alerts.yml"], ids=lambda path: path.stem
)
def test_prometheus_has_a_series_for_each_line(prometheus: Prometheus, path: Path) -> None:
    if path.suffix == ".json":
        asked = [*as_grafana_asks(loaded(path)["panels"])]
    else:
        asked = [*as_alerts_ask(alerts())]
    assert asked
    assert until_none(lambda: [*filter(None, map(prometheus.missing, asked))]) == []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_the_variables_of_a_dashboard_have_values(prometheus: Prometheus, path: Path) -> None:
    for variable in loaded(path)["templating"]["list"]:
        [(metric, label)] = re.findall(r"^label_values\((\w+), (\w+)\)$", variable["query"])
        assert prometheus.label_values(metric, label)
