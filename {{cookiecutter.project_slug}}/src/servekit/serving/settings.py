"""How the ingress asks the models."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from servekit.settings import Settings


class BatcherSettings(Settings):
    """How concurrent requests become few calls.

    max_items: the most texts in one call.
    max_in_flight: calls under way at once, for each ingress replica and model. One that is
        stuck delays no other while there is a second.
    max_waiting: requests that may wait for their call; beyond it they are answered 503.
    max_streams: streams at once, for each ingress replica; beyond it they are answered 503.
    timeout_s: how long a request may take, waiting included; beyond it it is answered 504.
    """

    model_config = SettingsConfigDict(env_prefix="BATCHER_")

    max_items: int = Field(default=256, ge=1, le=4096)
    max_in_flight: int = Field(default=4, ge=2, le=64)
    max_waiting: int = Field(default=1024, ge=1)
    max_streams: int = Field(default=64, ge=1)
    timeout_s: float = Field(default=10.0, gt=0, le=600)

    def within(self, timeout_s: float) -> "BatcherSettings":
        """The same, for a model that requests can do without.

        It is asked after another one, and even both together stay well under twice `timeout_s`.
        """
        return self.model_copy(update={"timeout_s": min(timeout_s, self.timeout_s / 2)})
