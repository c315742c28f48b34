"""Caches predictions by model version, in memory and Redis.

Equal concurrent items are predicted once. A new version or a lost Redis changes no answer.
"""

from typing import Any

from servekit.api import Feature
from servekit.contracts import Contract, Ports, Predictor
from servekit.stores.urls import connected, store_at

from .predictor import CachedPredictor
from .settings import CacheSettings
from .status import cache_hooks
from .store import CacheStore


def cache(settings: CacheSettings | None = None, *, service: str) -> Feature:
    """Caches predictions in this process, and in Redis where `CACHE_URL` names one.

    Args:
        settings: Read from the environment by default.
        service: Its name: before all keys in Redis, and in the header `Cache-Status`.

    Returns:
        The feature.
    """
    settings = settings or CacheSettings.load()
    redis = store_at(settings.url, settings.timeout_s)

    def wrap(ports: Ports) -> Ports:
        if redis:
            redis.report_to(ports.meter, "cache_redis_unanswered_total")

        def cached(contract: Contract, model: Predictor[Any, Any]) -> Predictor[Any, Any]:
            if not contract.cacheable:
                return model
            store = CacheStore(contract, settings, redis, service)
            return CachedPredictor(contract, model, store, ports.meter)

        return ports.wrapped(cached)

    return Feature(
        name="cache",
        hooks=[cache_hooks(service if settings.status else None)],
        exposed=["cache-status"] if settings.status else [],
        wrap=wrap,
        lifespan=lambda _: connected(redis),
    )
