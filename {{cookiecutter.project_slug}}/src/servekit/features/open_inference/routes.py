"""The routes of the protocol: the server, the models, and what is asked of them."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from servekit.api.canary import KEY_HEADER
from servekit.api.dependencies import CurrentPorts, CurrentReadiness, CurrentService
from servekit.api.errors import (
    DOCUMENTED,
    ProblemError,
    documented,
)
from servekit.api.health import not_ready
from servekit.api.model_header import DOCUMENTS_MODEL, set_model_header
from servekit.api.models import known_model
from servekit.api.routers import PrefixRouter
from servekit.contracts import CHAMPION
from servekit.inference.models import card_of, metadata_of, predicted, predictor_of, understood
from servekit.inference.signature import Signature, Signatures

from .errors import PREFIX
from .messages import LENGTH_HEADER, InferRequest, InferResponse, read, response

TAG = "open inference"
BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
"""The OpenAPI of a body with binary tensors."""

Name = Annotated[str, Path(description="Name of a model.", examples=["churn"], max_length=64)]
Version = Annotated[str, Path(description="Number of a version.", examples=["3"], max_length=128)]


def _request_body() -> dict[str, Any]:
    """The OpenAPI of a request, which routes read themselves: it may end with binary tensors."""
    schema = InferRequest.model_json_schema()
    parts: dict[str, Any] = schema.pop("$defs")
    text = json.dumps(schema)
    for name, part in parts.items():
        text = text.replace(json.dumps({"$ref": f"#/$defs/{name}"}), json.dumps(part))
    content = {"application/json": {"schema": json.loads(text)}, **BINARY}
    return {"requestBody": {"required": True, "content": content}}


def server_router() -> APIRouter:
    """What is open, as the service's own health is."""
    router = APIRouter(prefix=PREFIX, tags=[TAG])

    @router.get("", name="server_metadata")
    async def server(service: CurrentService) -> dict[str, Any]:
        """Name, version, and the extensions that there are."""
        extensions = ["binary_tensor_data"]
        return {"name": service.name, "version": service.version, "extensions": extensions}

    @router.get("/health/live", name="server_live")
    async def live() -> dict[str, bool]:
        """The process is alive."""
        return {"live": True}

    @router.get("/health/ready", name="server_ready", responses=documented([503]))
    async def ready(readiness: CurrentReadiness) -> JSONResponse:
        """Every required model can answer now, or is merely busy."""
        failing, _ = await readiness.findings()
        return not_ready(failing, ready=False) if failing else JSONResponse({"ready": True})

    return router


def models_router(signatures: Signatures) -> APIRouter:
    """Metadata and inference, behind the guards like all that is about models.

    Args:
        signatures: Of every model, by name.
    """
    router = PrefixRouter(
        f"{PREFIX}/models/{{name}}", tags=[TAG], responses=DOCUMENTED | documented([404])
    )

    @router.get("", name="model_metadata")
    async def model(name: Name, ports: CurrentPorts) -> dict[str, Any]:
        """The version that answers, and the tensors that the model takes and gives."""
        return metadata_of(await card_of(ports, name), name, signatures[name])

    @router.get("/versions/{version}", name="version_metadata")
    async def version(name: Name, version: Version, ports: CurrentPorts) -> dict[str, Any]:
        """One version, and its tensors."""
        return metadata_of(await card_of(ports, name, version), name, signatures[name])

    @router.get("/ready", name="model_ready")
    async def ready(name: Name, ports: CurrentPorts) -> dict[str, Any]:
        """The model can answer now, or is merely busy."""
        await known_model(ports, name).check()
        return {"name": name, "ready": True}

    @router.get("/versions/{version}/ready", name="version_ready")
    async def version_ready(name: Name, version: Version, ports: CurrentPorts) -> dict[str, Any]:
        """This version can answer now, or is merely busy."""
        await card_of(ports, name, version)
        return {"name": name, "ready": True}

    answers: dict[str, Any] = {
        "response_model": InferResponse,
        "responses": {200: {**DOCUMENTS_MODEL[200], "content": BINARY}},
        "openapi_extra": _request_body(),
    }

    @router.post("/infer", name="infer", **answers)
    async def infer(name: Name, request: Request, ports: CurrentPorts) -> Response:
        """Answer a batch of items, which the rows of the tensors are."""
        known_model(ports, name)
        return await _infer(request, signatures[name], name, CHAMPION)

    @router.post("/versions/{version}/infer", name="version_infer", **answers)
    async def version_infer(
        name: Name, version: Version, request: Request, ports: CurrentPorts
    ) -> Response:
        """Answer a batch of items by this version."""
        reference = (await card_of(ports, name, version)).reference
        return await _infer(request, signatures[name], name, reference)

    return router


async def _infer(request: Request, signature: Signature, name: str, version: str) -> Response:
    try:
        body = await request.body()
    except ClientDisconnect:
        raise ProblemError(400, "The request ended early.") from None
    length = request.headers.get(LENGTH_HEADER)
    asked, items = await understood(len(body), _read, body, length, signature)
    predictions = await predicted(predictor_of(request, name), items, version)
    reference = predictions[0].version
    outputs = signature.tensors([one.value for one in predictions])
    answer = response(asked, name, reference.partition(":")[2], outputs)
    set_model_header(answer, reference)
    if request.app.state.canary.is_on:
        answer.headers.add_vary_header(KEY_HEADER)
    return answer


def _read(body: bytes, length: str | None, signature: Signature) -> tuple[InferRequest, list[Any]]:
    asked, tensors = read(body, length)
    signature.check_outputs(one.name for one in asked.outputs or ())
    return asked, signature.items(tensors)
