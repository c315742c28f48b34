"""`make train`: into the store that `MODEL_STORE` names, of whatever kind it is."""

import os
import sys
from collections.abc import Sequence

from acme_service.models.training.__main__ import main

from .features import sources


def train(arguments: Sequence[str] | None = None) -> int:
    from dotenv import load_dotenv

    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    store = os.environ.get("MODEL_STORE") or "file:model_store"
    return main(arguments, store, tuple(sources()))


if __name__ == "__main__":
    sys.exit(train())
