"""Assembles the API. What comes before what is decided here and nowhere else."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from inspect import Parameter, Signature
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi.params import Depends as Dependency
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from acme_service import NAME, VERSION
from acme_service.ports import Ports

from . import errors, service, v1, v2
from .body_limit import BodyLimit
from .canary import Canary, CanarySettings
from .feature import Feature
from .logs import flush_logs
from .readiness import Readiness
from .request_id import RequestId
from .settings import ApiSettings

log = logging.getLogger(__name__)

EXPOSED = ("x-request-id", "x-model", "retry-after", "deprecation", "link")
"""Headers that scripts in browsers may read."""


def create_app(
    ports: Ports,
    features: Sequence[Feature] = (),
    settings: ApiSettings | None = None,
    canary: CanarySettings | None = None,
) -> FastAPI:
    """Assemble the API around `ports`.

    features: outermost first; the first one sees a request before the others do.
    settings, canary: read from the environment by default. Raises SettingsError if that fails.
    """
    settings = settings or ApiSettings.load()
    for feature in reversed(features):
        ports = feature.wrap(ports)

    app = errors.ApiWithProblems(
        title=NAME,
        version=VERSION,
        lifespan=_lifespan(features),
        redirect_slashes=False,
        middleware=_middleware(features, settings),
        exception_handlers=errors.HANDLERS
        | {kind: handle for feature in features for kind, handle in feature.handlers.items()},
        docs_url="/docs" if settings.docs else None,
        redoc_url="/redoc" if settings.docs else None,
        openapi_url="/openapi.json" if settings.docs else None,
    )
    app.state.ports = ports
    app.state.settings = settings
    app.state.canary = Canary(canary or CanarySettings.load())
    app.state.readiness = _readiness(ports, features)
    _include_routes(app, features)
    return app


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
    return [
        Middleware(RequestId),
        *([cors] if settings.cors_origins else []),
        *(middleware for feature in features for middleware in feature.middleware),
        Middleware(BodyLimit, max_bytes=settings.max_body_bytes),
    ]


def _readiness(ports: Ports, features: Sequence[Feature]) -> Readiness:
    models = [(name, model.check) for name, model in ports.models.items()]
    others = [(feature.name, check) for feature in features for check in feature.checks]
    return Readiness([*models, *others], dispensable=ports.optional)


def _include_routes(app: FastAPI, features: Sequence[Feature]) -> None:
    guards = _guarded_by([guard for feature in features for guard in feature.guards])
    refusals = errors.documented(one for feature in features for one in feature.refusals)
    feature_routers = [router for feature in features for router in feature.model_routers]
    # What is asked most comes first: routes are tried one after the other.
    for router in [*v1.routers, *v2.routers, *feature_routers]:
        app.include_router(router, dependencies=guards, responses=refusals)
    for router in [service.router, *(one for feature in features for one in feature.routers)]:
        app.include_router(router)


def _guarded_by(guards: Sequence[Callable[..., Any] | Dependency]) -> list[Dependency]:
    """All guards as one dependency: they run in order, and a route shows one, not many."""
    if not guards:
        return []

    async def guarded(**_: Any) -> None:
        return None

    needs = [one if isinstance(one, Dependency) else Depends(one) for one in guards]
    parameters = [
        Parameter(f"guard_{number}", Parameter.KEYWORD_ONLY, annotation=Annotated[Any, need])
        for number, need in enumerate(needs)
    ]
    guarded.__signature__ = Signature(parameters)
    return [Depends(guarded)]


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
