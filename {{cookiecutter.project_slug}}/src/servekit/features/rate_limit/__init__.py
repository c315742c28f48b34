"""Limits the requests of each caller: by principal, else by address.

Features that authenticate put the principal into `scope["state"]["caller"]`, so their blocks in
`features.py` come before this one.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware

from servekit.api import Feature
from servekit.api.settings import ApiSettings
from servekit.contracts import Ports
from servekit.stores.urls import connected, store_at

from .admission import Admission, LimitByAddress
from .gcra import Limiter
from .settings import RateLimitSettings

log = logging.getLogger(__name__)

ONE_FOR_ALL = (
    "API_TRUSTED_HOPS is 0: behind a proxy or load balancer, HAProxy of Ray Serve included, "
    "anonymous callers share one bucket, and all sign-ins another"
)


def rate_limit(
    settings: RateLimitSettings | None = None, *, service: str, trusted_hops: int | None = None
) -> Feature:
    """Count in this process, or in Redis where `RATE_LIMIT_URL` names one.

    Args:
        settings: Read from the environment by default.
        service: What the keys in Redis begin with, which other services may share.
        trusted_hops: How many proxies add to X-Forwarded-For; `API_TRUSTED_HOPS` by default.
    """
    settings = settings or RateLimitSettings.load()
    hops = ApiSettings.load().trusted_hops if trusted_hops is None else trusted_hops
    redis = store_at(settings.url, settings.timeout_s)
    admission = Admission(settings, Limiter(redis, f"{service}:rate_limit"), hops)

    def wrap(ports: Ports) -> Ports:
        admission.meter = ports.meter
        if redis:
            redis.report_to(ports.meter, "rate_limit_redis_unanswered_total")
        return ports

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if not hops:
            log.warning(ONE_FOR_ALL)
        async with connected(redis):
            yield

    return Feature(
        name="rate_limit",
        guards=[admission.limit_by_principal],
        refusals=[429],
        middleware=[Middleware(LimitByAddress, admission=admission)],
        exposed=["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
        wrap=wrap,
        lifespan=lifespan,
    )
