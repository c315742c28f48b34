"""Routes about the service itself. They are open and never wait for a busy model."""

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from .dependencies import CurrentReadiness, CurrentService
from .errors import RETRY_AFTER_S, documented, problem, problem_response

router = APIRouter(tags=["service"])


class ServiceInfo(BaseModel):
    name: str
    version: str
    links: dict[str, str]


class Health(BaseModel):
    status: str


class Ready(Health):
    """The service can answer; `notes` has the conditions of its models, by name."""

    notes: dict[str, str] | None = None


def not_ready(failing: Iterable[str], **members: Any) -> JSONResponse:
    """Return the problem that names what fails, with further members."""
    content = problem(503, f"Not ready: {', '.join(failing)}.") | members
    return problem_response(content, {"Retry-After": str(RETRY_AFTER_S)})


@router.get("/")
async def about_service(request: Request, service: CurrentService) -> ServiceInfo:
    """Name, version, and links."""
    prefix = request.scope.get("root_path", "")
    paths: dict[str, str] = request.app.state.model_paths
    own = {name: f"{prefix}{path}" for name, path in paths.items()}
    links = {**own, "health": f"{prefix}/health/ready"}
    if request.app.openapi_url:
        links |= {"docs": f"{prefix}/docs", "openapi": f"{prefix}/openapi.json"}
    return ServiceInfo(name=service.name, version=service.version, links=links)


@router.get("/health/live")
async def health_live() -> Health:
    """The process is alive. No model is called."""
    return Health(status="alive")


@router.get(
    "/health/ready",
    response_model=Ready,
    response_model_exclude_none=True,
    responses=documented([503]),
)
async def health_ready(readiness: CurrentReadiness) -> Ready | JSONResponse:
    """Every required model can answer now, or is merely busy."""
    failing, notes = await readiness.findings()
    if failing:
        return not_ready(failing)
    return Ready(status="ready", notes=dict(notes) or None)
