"""How long a socket may be silent, and how much it may say at once."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from servekit.settings import Settings


class WebsocketsSettings(Settings):
    """One WebSocket.

    max_message_bytes: a larger message is refused, and its socket closed with 1009. The server
        in front reads messages of up to 16 MiB whole before this is asked.
    idle_timeout_s: a socket that has nothing to answer for this long is closed with 1001.
    """

    model_config = SettingsConfigDict(env_prefix="WEBSOCKETS_")

    max_message_bytes: int = Field(default=64 * 1024, ge=64, le=16 * 1024 * 1024)
    idle_timeout_s: float = Field(default=300.0, gt=0, le=86_400)
