"""Applications that stream bytes: from a route, and from a class with `__call__`.

Pages of ORIGIN may ask them.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import APIRouter, FastAPI
from ray import serve
from starlette.requests import Request
from starlette.responses import StreamingResponse

from servekit.api import Feature
from servekit.testing.cluster import SMALL, Cluster

from tests.fakes import create_app, fake_ports

CHUNKS = [b"\x00\xff first", b"second\n", b"\xfe last"]
PAUSE_S = 0.5
ORIGIN = "https://page.example"

WITHOUT_HEALTH = {"chunks"}


def applications(cluster: Cluster) -> Iterator[dict[str, Any]]:
    for name, deployment in {"streaming": "routes", "chunks": "call"}.items():
        yield {
            "name": name,
            "route_prefix": f"/{name}",
            "import_path": f"{__name__}:{deployment}",
            "runtime_env": {"env_vars": {"API_CORS_ORIGINS": ORIGIN}},
            "deployments": [{"name": deployment, "ray_actor_options": SMALL}],
        }


router = APIRouter()


async def chunks() -> AsyncIterator[bytes]:
    for chunk in CHUNKS:
        yield chunk
        await asyncio.sleep(PAUSE_S)


@router.get("/bytes")
async def send_bytes() -> StreamingResponse:
    return StreamingResponse(chunks(), media_type="application/octet-stream")


class Routes:
    def __serve_build_asgi_app__(self) -> FastAPI:
        return create_app(fake_ports(), [Feature(name="streaming", routers=[router])])


class Call:
    async def __call__(self, request: Request) -> StreamingResponse:
        return StreamingResponse(chunks(), media_type="application/octet-stream")


routes = serve.deployment(name="routes")(serve.ingress()(Routes)).bind()
call = serve.deployment(name="call")(Call).bind()
