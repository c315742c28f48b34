"""The feature `metrics` is on: requests are counted by route."""

from servekit.serving.settings import BatcherSettings
from servekit.testing.authenticated_client import visiting
from servekit.testing.fakes import FakeMeter

from acme_service.app import WIRING


def test_requests_are_counted_by_route() -> None:
    meter = FakeMeter()
    transports = WIRING.held(BatcherSettings())
    ports = WIRING.ports(transports, meter, [], BatcherSettings())
    with visiting(WIRING.api(ports, WIRING.check())) as client:
        assert client.get("/v1/models/none").status_code == 404
    counted = {dict(labels).get("route") for name, labels in meter.counts if "http" in name}
    assert "/v1/models/{name}" in counted
