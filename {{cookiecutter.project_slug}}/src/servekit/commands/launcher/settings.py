"""Settings of the launcher."""

from collections.abc import Mapping, Sequence

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from servekit.registry.settings import StoreSettings
from servekit.settings import Settings


class LaunchSettings(Settings):
    """How `make serve` and the image start the service.

    start_timeout_s: how long the service may take until it runs, without the time in which
        the files of its models arrive.
    """

    model_config = SettingsConfigDict(env_prefix="SERVE_")

    start_timeout_s: float = Field(default=300.0, gt=0, le=86_400)

    def wait_s(self, environments: Sequence[Mapping[str, str]]) -> float:
        """How long to wait for applications that have these environments.

        A version that is late is given up after `MODEL_FETCH_TIMEOUT_S`, and the one before,
        from the cache, still has to be loaded then: so that time comes on top.

        Raises ModelStoreError when a `MODEL_*` variable is malformed.
        """
        arrivals = [StoreSettings.load(one).arrival_s for one in environments]
        return self.start_timeout_s + max(arrivals, default=0.0)
