"""The interface of optional capabilities."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.params import Security
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection

from servekit.contracts import AroundCall, Contract

from .exchange import ExchangeHooks

Guard = Callable[[HTTPConnection], Awaitable[object]]
"""Raises an error to refuse a request or a WebSocket, such as ProblemError."""


def unchanged(ports: Any) -> Any:
    return ports


@asynccontextmanager
async def nothing_to_start(_: FastAPI) -> AsyncIterator[None]:
    yield


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One capability, as data. `create_app` decides when each part applies.

    guards: awaited before every model route, HTTP and WebSocket alike.
    security: the OpenAPI security of the guards: `Security(scheme, scopes=[…])`. FastAPI calls each
        scheme for each request, unless it has `checks_nothing`.
    credentials: the headers that the guards read, such as `authorization`.
    refusals: statuses that the guards may answer with, for OpenAPI.
    hooks: called at the ends of each HTTP request, for what needs no middleware of its own.
    middleware: pure ASGI middleware, outermost first, within the hooks of all features.
    exposed: response headers that scripts in browsers may read.
    model_routers: routes behind the guards. Each carries its own prefix.
    model_routes: further routes of a model whose router `model_router` has made; takes its contract
        and its prefix.
    routers: open routes: limited like those of models, but not guarded.
    service_routers: open routes about the service itself, without a limit.
    sign_in_routers: open routes that check passwords, and have a limit of their own.
    wrap: decorates the ports, for instance with a cache. Called once, at start-up.
    around_call: entered around each batched call to a model.
    lifespan: entered when the service starts, left when it stops.
    checks: awaited by `/health/ready`; one that raises ModelError makes it answer 503. What
        one returns, if anything, is a note for operators.
    handlers: exception handlers, by exception class.
    tags: what OpenAPI says about the tags of its routes.
    """

    name: str
    guards: Sequence[Guard] = ()
    security: Sequence[Security] = ()
    credentials: Sequence[str] = ()
    refusals: Sequence[int] = ()
    hooks: Sequence[ExchangeHooks] = ()
    middleware: Sequence[Middleware] = ()
    exposed: Sequence[str] = ()
    model_routers: Sequence[APIRouter] = ()
    model_routes: Callable[[Contract, str], APIRouter] | None = None
    routers: Sequence[APIRouter] = ()
    service_routers: Sequence[APIRouter] = ()
    sign_in_routers: Sequence[APIRouter] = ()
    wrap: Callable[[Any], Any] = unchanged
    around_call: AroundCall | None = None
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] = nothing_to_start
    checks: Sequence[Callable[[], Awaitable[str | None]]] = ()
    handlers: Mapping[type[Exception], Callable[..., Any]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
