"""The settings of what the API answers about languages."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from servekit.settings import Settings


class DetectionSettings(Settings):
    """How detections are read.

    tie_margin: a lead in score smaller than this is a tie, decided by Accept-Language.
    """

    model_config = SettingsConfigDict(env_prefix="API_")

    tie_margin: float = Field(default=0.02, ge=0, le=1)
