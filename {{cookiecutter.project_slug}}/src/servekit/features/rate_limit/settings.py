"""Settings: the limits, and the number of trusted proxies."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from servekit.settings import Settings
from servekit.stores.urls import MEMORY, StoreUrl

from .limits import limit_of


def _limit(text: str) -> str:
    limit_of(text)
    return text


LimitText = Annotated[str, AfterValidator(_limit)]


class RateLimitSettings(Settings):
    """Limits for one caller, such as `100/second`; `none` lifts one.

    url: of a Redis in which replicas count together; by default each counts for itself alone.
    models: for all routes of models.
    sign_in: for sign-ins, by address, successful or not.
    timeout_s: how long a request may wait for Redis. One that hangs costs this once.
    """

    model_config = SettingsConfigDict(env_prefix="RATE_LIMIT_")

    url: StoreUrl = SecretStr(MEMORY)
    models: LimitText = "6000/minute"
    sign_in: LimitText = "60/minute"
    timeout_s: float = Field(default=0.05, gt=0, le=1)
