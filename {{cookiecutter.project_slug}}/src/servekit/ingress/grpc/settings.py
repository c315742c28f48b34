"""How long a stream may be silent."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from servekit.settings import Settings


class GrpcStreamSettings(Settings):
    """One stream of calls.

    idle_timeout_s: a stream that brings no request for this long, while none is answered, ends
        with CANCELLED. It holds a place of its replica as long as it lasts.
    """

    model_config = SettingsConfigDict(env_prefix="GRPC_STREAM_")

    idle_timeout_s: float = Field(default=300.0, gt=0, le=86_400)
