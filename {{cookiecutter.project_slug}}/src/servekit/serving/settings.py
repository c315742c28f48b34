"""Settings of the calls from the ingress to the models."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from servekit.settings import Settings


class BatcherSettings(Settings):
    """Limits of the batcher, for each ingress replica and model.

    Attributes:
        max_items: Items in one call.
        max_in_flight: Concurrent calls; at least two, so that one that is stuck delays no other.
        max_waiting: Queued requests; further ones are answered 503.
        max_streams: Concurrent streams; further ones are answered 503.
        max_streams_per_caller: Of these, how many one caller may have; further ones are answered
            429.
        timeout_s: Seconds of a request, waiting included; later it is answered 504.
    """

    model_config = SettingsConfigDict(env_prefix="BATCHER_")

    max_items: int = Field(default=256, ge=1, le=4096)
    max_in_flight: int = Field(default=4, ge=2, le=64)
    max_waiting: int = Field(default=1024, ge=1)
    max_streams: int = Field(default=64, ge=1)
    max_streams_per_caller: int = Field(default=48, ge=1)
    timeout_s: float = Field(default=10.0, gt=0, le=600)

    def within(self, timeout_s: float) -> "BatcherSettings":
        """Return the same settings for an optional model, which has at most half of the time.

        It is called after another one: both together stay well under twice `timeout_s`.
        """
        return self.model_copy(update={"timeout_s": min(timeout_s, self.timeout_s / 2)})
