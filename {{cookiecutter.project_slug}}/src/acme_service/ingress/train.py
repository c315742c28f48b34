"""`make train`: into the store that `MODEL_STORE` names, of whatever kind it is."""

import os
import sys
from collections.abc import Sequence

from dotenv import load_dotenv

from servekit.registry.errors import ModelStoreError
from servekit.registry.settings import StoreSettings

from acme_service.models.training.__main__ import main

from .features import sources


def train(arguments: Sequence[str] | None = None) -> int:
    """Train, and return the exit status."""
    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    try:
        settings = StoreSettings.load()
    except ModelStoreError as error:
        print(error, file=sys.stderr)
        return 1
    return main(arguments, settings.store, tuple(sources()), settings.fetch_timeout_s)


if __name__ == "__main__":
    sys.exit(train())
