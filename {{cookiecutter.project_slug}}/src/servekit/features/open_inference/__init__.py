"""The Open Inference Protocol (KServe v2) over HTTP, for every model.

Source: https://github.com/kserve/open-inference-protocol, with the extension for binary tensors.
"""

from starlette.middleware import Middleware

from servekit.api import Feature
from servekit.contracts import Ports

from .errors import ErrorMember, unexpected_with_error
from .routes import TAG, models_router, server_router
from .signature import Signature


def open_inference() -> Feature:
    """`/v2`: server and model metadata, health, and `POST /v2/models/{name}/infer`."""
    signatures: dict[str, Signature] = {}

    def sign(ports: Ports) -> Ports:
        for name, contract in ports.contracts.items():
            signatures[name] = Signature(contract)
        return ports

    return Feature(
        name="open_inference",
        middleware=[Middleware(ErrorMember)],
        exposed=["inference-header-content-length"],
        service_routers=[server_router()],
        model_routers=[models_router(signatures)],
        wrap=sign,
        handlers={Exception: unexpected_with_error},
        tags={TAG: "The Open Inference Protocol, for its own clients."},
    )
