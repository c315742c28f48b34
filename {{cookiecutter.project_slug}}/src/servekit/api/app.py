"""The only place that decides the order of middleware and routes."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from servekit.contracts import Contract, Ports
from servekit.contracts.shares import Shares
from servekit.logs import flush_logs
from servekit.settings import SettingsError

from . import errors, health
from .access import Group, GuardedApi
from .audit_trail import AUDIT_HOOKS
from .body_limit import BodyLimit
from .canary import Canary, CanarySettings
from .conventions import HttpConventions
from .docs import include_docs
from .exchange import Exchanges
from .feature import Feature
from .models import models_router, schemas_of
from .readiness import Readiness
from .request_id import RequestId
from .request_shares import request_shares
from .service import Service
from .settings import ApiSettings
from .unexpected import UnexpectedErrors

log = logging.getLogger(__name__)

EXPOSED = ("x-request-id", "x-model", "retry-after")
"""Response headers that scripts in browsers may read."""

TAGS = {
    "models": "What is served.",
    "service": "The service itself. Open, and never behind a busy model.",
}
"""What OpenAPI says about the kit's own routes; others are a feature's or the service's."""


def create_app(
    service: Service,
    ports: Ports,
    routers: Sequence[APIRouter],
    features: Sequence[Feature] = (),
    *,
    settings: ApiSettings | None = None,
    canary: CanarySettings | None = None,
) -> GuardedApi:
    """Assemble the API of a service.

    Routes that are added to it later are guarded and limited as model routes are.

    Args:
        service: Its names.
        ports: The models for its routes; features may wrap them.
        routers: Its model routes: guarded, and tried in this order.
        features: Outermost first; the first one sees a request before the others do.
        settings: Read from the environment by default.
        canary: Read from the environment by default.

    Raises:
        SettingsError: A variable of the environment is malformed, or there are routes for a model
            that there is not.
    """
    settings = settings or ApiSettings.load()
    if settings.max_requests_per_caller:
        features = [*features, request_shares(settings.max_requests_per_caller)]
    for feature in reversed(features):
        ports = feature.wrap(ports)

    app = GuardedApi(
        features,
        title=service.name,
        description=service.description,
        version=service.version,
        openapi_tags=_tags(service, ports, features),
        generate_unique_id_function=operation_id,
        lifespan=_lifespan(features),
        redirect_slashes=False,
        middleware=_middleware(features, settings),
        exception_handlers=errors.HANDLERS
        | {kind: handle for feature in features for kind, handle in feature.handlers.items()},
        docs_url=None,  # `include_docs` has pages that work without the internet
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs else None,
    )
    app.state.service = service
    app.state.ports = ports
    app.state.schemas = {name: schemas_of(one) for name, one in ports.contracts.items()}
    app.state.settings = settings
    app.state.shares = Shares(settings.max_streams_per_caller)
    app.state.canary = Canary(canary or CanarySettings.load())
    app.state.readiness = _readiness(ports, features)
    _include_routes(app, routers, features)
    if settings.docs:
        include_docs(app)
    return app


def _tags(service: Service, ports: Ports, features: Sequence[Feature]) -> list[dict[str, Any]]:
    of_models = {name: f"The {name} model." for name in ports.contracts}
    of_features = (item for feature in features for item in feature.tags.items())
    described = {**of_models, **service.tags, **dict(of_features), **TAGS}
    return [{"name": name, "description": text} for name, text in described.items()]


def operation_id(route: APIRoute) -> str:
    """Return the name of the function, which names the method in generated clients."""
    return route.name


def _middleware(features: Sequence[Feature], settings: ApiSettings) -> list[Middleware]:
    """Outermost first. CORS is outside the features, so that refusals carry its headers too."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        # With any origin allowed, cookies would let every page act for its reader.
        allow_credentials="*" not in settings.cors_origins,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["*"],
        expose_headers=[*EXPOSED, *(name for feature in features for name in feature.exposed)],
    )
    hooks = [AUDIT_HOOKS, *(one for feature in features for one in feature.hooks)]
    return [
        Middleware(RequestId),
        *([cors] if settings.cors_origins else []),
        Middleware(Exchanges, hooks=hooks),
        *(middleware for feature in features for middleware in feature.middleware),
        Middleware(UnexpectedErrors),
        Middleware(HttpConventions),
        Middleware(BodyLimit, max_bytes=settings.max_body_bytes),
    ]


def _readiness(ports: Ports, features: Sequence[Feature]) -> Readiness:
    models = [(name, model.check) for name, model in ports.models.items()]
    others = [(feature.name, check) for feature in features for check in feature.checks]
    return Readiness([*models, *others], dispensable=ports.optional)


def _include_routes(
    app: GuardedApi, routers: Sequence[APIRouter], features: Sequence[Feature]
) -> None:
    feature_routers = [router for feature in features for router in feature.model_routers]
    # The busiest routes come first: they are tried one after the other.
    for router in [*routers, *feature_routers, models_router]:
        app.include_router(router)
    _add_routes_of_models(app, features)
    app.include_open(health.router, Group.SERVICE)
    for feature in features:
        for router in feature.service_routers:
            app.include_open(router, Group.SERVICE)
        for router in feature.sign_in_routers:
            app.include_open(router, Group.SIGN_IN)
        for router in feature.routers:
            app.include_open(router)


def _add_routes_of_models(app: GuardedApi, features: Sequence[Feature]) -> None:
    """Let features add routes beside those of each model, in whatever routers these are."""
    app.state.model_paths = {}
    for context in [*iter_route_contexts(app.routes)]:
        contract: Contract | None = getattr(context.original_route, "contract", None)
        if contract is None:
            continue
        if contract.name not in app.state.ports.contracts:
            raise SettingsError(
                f"Routes for an unknown model {contract.name!r}: add it to models() in features.py."
            )
        app.state.model_paths.setdefault(contract.name, context.path or "")
        around = [one for one in context.dependencies if one not in app.router.dependencies]
        for feature in features:
            if feature.model_routes:
                added = feature.model_routes(contract, context.path or "")
                app.include_router(added, dependencies=around)


def _lifespan(features: Sequence[Feature]) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as started:
            for feature in features:
                await started.enter_async_context(feature.lifespan(app))
            log.info("service started", extra={"features": [one.name for one in features]})
            yield
            log.info("service stopping")
        # Ray Serve ends a replica's process right after this.
        flush_logs()

    return lifespan
