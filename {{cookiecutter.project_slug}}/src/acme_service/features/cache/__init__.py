"""Answers that were given before are given again, as long as the same model would give them.

What a text means is asked once; a model that changes, or a Redis that is lost, changes no answer.
"""

from starlette.middleware import Middleware

from servekit.api import Feature
from servekit.stores.urls import connected, store_at

from acme_service.ports import Ports

from .answers import Answers
from .detector import CachedDetector
from .settings import CacheSettings
from .status import CacheStatus


def cache(settings: CacheSettings | None = None) -> Feature:
    """Remembers detections: in this process, and in Redis where `CACHE_URL` names one."""
    settings = settings or CacheSettings.load()
    redis = store_at(settings.url, settings.timeout_s)

    def wrap(ports: Ports) -> Ports:
        if redis:
            redis.report_to(ports.meter, "cache_redis_unanswered_total")
        answers = Answers(settings, redis)
        return ports.with_model("language", CachedDetector(ports.language, answers, ports.meter))

    return Feature(
        name="cache",
        middleware=[Middleware(CacheStatus)],
        exposed=["cache-status"],
        wrap=wrap,
        lifespan=lambda _: connected(redis),
    )
