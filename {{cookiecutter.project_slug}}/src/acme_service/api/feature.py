"""What an optional capability can plug into."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.params import Depends
from starlette.middleware import Middleware

from acme_service.ports import Ports

AroundCall = Callable[[str, Sequence[Context]], AbstractContextManager[Any]]
"""Takes the name of a model and the contexts of those who asked it; none for the current one."""


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
    exposed: headers of answers that scripts in browsers may read.
    routers: open routes. Each carries its own prefix.
    model_routers: routes behind the guards. Each carries its own prefix.
    wrap: decorates the ports, for instance with a cache. Called once, at start-up.
    around_call: entered around each call for many answers, as requests are gathered into few.
    lifespan: entered when the service starts, left when it stops.
    checks: awaited by `/health/ready`; one that raises ModelError makes it answer 503. What
        one returns, if anything, is a note for operators.
    handlers: exception handlers, by exception class.
    """

    name: str
    guards: Sequence[Callable[..., Any] | Depends] = ()
    refusals: Sequence[int] = ()
    middleware: Sequence[Middleware] = ()
    exposed: Sequence[str] = ()
    routers: Sequence[APIRouter] = ()
    model_routers: Sequence[APIRouter] = ()
    wrap: Callable[[Ports], Ports] = unchanged
    around_call: AroundCall | None = None
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] = nothing_to_start
    checks: Sequence[Callable[[], Awaitable[str | None]]] = ()
    handlers: Mapping[type[Exception], Callable[..., Any]] = field(default_factory=dict)
