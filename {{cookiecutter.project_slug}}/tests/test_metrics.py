"""The feature `metrics` is on: requests are counted by route."""

from servekit.testing.authenticated_client import visiting
from servekit.testing.fakes import FakeMeter

from acme_service.app import WIRING

from tests.fakes import fake_ports


def test_requests_are_counted_by_route() -> None:
    ports = fake_ports()
    with visiting(WIRING.api(ports, WIRING.check())) as client:
        assert client.get("/v1/languages/de").is_success
    assert isinstance(ports.meter, FakeMeter)
    counted = {dict(labels).get("route") for name, labels in ports.meter.counts if "http" in name}
    assert "/v1/languages/{code}" in counted
