"""Settings of the cache."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from servekit.settings import Settings
from servekit.stores.urls import MEMORY, StoreUrl


class CacheSettings(Settings):
    """The cache of answers.

    url: of a Redis that replicas share; by default each has its own memory alone.
    max_entries: answers that a replica keeps in memory; beyond it, those not used for longest go.
    ttl_s: how long an answer is kept.
    timeout_s: how long a request may wait for Redis. One that hangs costs this once.
    status: whether answers say in `Cache-Status` that they were cached: callers learn from it what
        others have asked.
    """

    model_config = SettingsConfigDict(env_prefix="CACHE_")

    url: StoreUrl = SecretStr(MEMORY)
    max_entries: int = Field(default=10_000, ge=1)
    ttl_s: int = Field(default=3600, ge=1, le=30 * 24 * 3600)
    timeout_s: float = Field(default=0.05, gt=0, le=1)
    status: bool = False
