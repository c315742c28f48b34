"""How long an analysis waits for the models that it can do without."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from servekit.settings import Settings


class CompositionSettings(Settings):
    """Beyond these times an analysis is answered without the model.

    At most half of `BATCHER_TIMEOUT_S` counts.
    """

    model_config = SettingsConfigDict(env_prefix="COMPOSITION_")

    opinion_timeout_s: float = Field(default=0.5, gt=0, le=600)
    sentiment_timeout_s: float = Field(default=1.0, gt=0, le=600)
