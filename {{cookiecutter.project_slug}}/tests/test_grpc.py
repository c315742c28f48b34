"""The feature `grpc` is on: the ingress has the methods of its services."""

from servekit.ingress.application import Ingress

from acme_service import app


async def test_the_ingress_has_the_methods_of_grpc() -> None:
    assert callable(getattr(Ingress(f"{app.__name__}:WIRING"), "ModelInfer", None))
