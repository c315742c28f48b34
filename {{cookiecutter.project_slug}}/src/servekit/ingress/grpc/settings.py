"""How long a stream may be silent, and may go unread."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from servekit.settings import Settings


class GrpcStreamSettings(Settings):
    """One stream of calls.

    idle_timeout_s: a stream that brings no request for this long, while none is answered, ends
        with CANCELLED. It holds a place of its replica as long as it lasts.
    write_timeout_s: a stream of which its client takes no message for this long is cancelled.
    """

    model_config = SettingsConfigDict(env_prefix="GRPC_STREAM_")

    idle_timeout_s: float = Field(default=300.0, gt=0, le=86_400)
    write_timeout_s: float = Field(default=60.0, gt=0, le=3600)
