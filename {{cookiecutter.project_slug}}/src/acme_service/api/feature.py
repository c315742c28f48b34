"""What an optional capability can plug into."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.params import Depends
from starlette.middleware import Middleware

from acme_service.ports import Ports


def unchanged(ports: Ports) -> Ports:
    return ports


@asynccontextmanager
async def nothing_to_start(_: FastAPI) -> AsyncIterator[None]:
    yield


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One capability, as data. `create_app` decides when each part applies.

    guards: dependencies that every model route runs first, HTTP and WebSocket alike; functions,
        or what `Depends` and `Security` make of them.
    refusals: statuses that the guards may answer with, for OpenAPI.
    middleware: pure ASGI middleware, outermost first.
    routers: open routes. Each carries its own prefix.
    model_routers: routes behind the guards. Each carries its own prefix.
    wrap: decorates the ports, for instance with a cache. Called once, at start-up.
    lifespan: entered when the service starts, left when it stops.
    checks: awaited by `/health/ready`; one that raises ModelError makes it answer 503.
    handlers: exception handlers, by exception class.
    """

    name: str
    guards: Sequence[Callable[..., Any] | Depends] = ()
    refusals: Sequence[int] = ()
    middleware: Sequence[Middleware] = ()
    routers: Sequence[APIRouter] = ()
    model_routers: Sequence[APIRouter] = ()
    wrap: Callable[[Ports], Ports] = unchanged
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] = nothing_to_start
    checks: Sequence[Callable[[], Awaitable[None]]] = ()
    handlers: Mapping[type[Exception], Callable[..., Any]] = field(default_factory=dict)
