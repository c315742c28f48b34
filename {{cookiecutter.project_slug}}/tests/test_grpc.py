"""The feature `grpc` is on: the ingress has the methods of its services."""

from acme_service.ingress.app import Ingress


def test_the_ingress_has_the_methods_of_grpc() -> None:
    assert callable(getattr(Ingress, "Detect", None))
