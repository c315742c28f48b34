"""The Open Inference Protocol (KServe v2) over HTTP, for every model.

Source: https://github.com/kserve/open-inference-protocol, with the extension for binary tensors.
"""

from starlette.middleware import Middleware

from servekit.api import Feature
from servekit.inference.signature import Signatures

from .errors import ErrorMember
from .routes import TAG, models_router, server_router


def open_inference() -> Feature:
    """`/v2`: server and model metadata, health, and `POST /v2/models/{name}/infer`."""
    signatures = Signatures()
    return Feature(
        name="open_inference",
        middleware=[Middleware(ErrorMember)],
        exposed=["inference-header-content-length"],
        service_routers=[server_router()],
        model_routers=[models_router(signatures)],
        wrap=signatures.sign,
        tags={TAG: "The Open Inference Protocol, for its own clients."},
    )
