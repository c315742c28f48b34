"""`make publish`: what is in `model_store/` is put into the store that `MODEL_STORE` names.

Needs nothing that trains, so it runs in the image too.
"""

import os
import sys
from pathlib import Path

from dotenv import load_dotenv

from servekit.registry.errors import ModelStoreError
from servekit.registry.settings import StoreSettings
from servekit.registry.sources.folder import FolderSource
from servekit.registry.sources.source import ModelSource
from servekit.registry.store import open_source, shown

from .features import sources
from .versions import CHAMPION, MODEL


def main() -> None:
    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    try:
        settings = StoreSettings.load()
        source = open_source(tuple(sources()), settings.store, settings.fetch_timeout_s)
        published = publish(FolderSource("file:model_store", settings.timeout_s), source)
    except ModelStoreError as error:
        sys.exit(str(error))
    print(f"{shown(settings.store)} has {', '.join(published)}.")


def publish(ours: FolderSource, theirs: ModelSource) -> list[str]:
    """The versions of our folder, all of which are there now; the champion too, if there was none.

    Raises ModelStoreError when a version is there with other content.
    """
    versions = ours.versions(MODEL)
    for version in versions:
        theirs.publish(MODEL, version, ours.fetch(MODEL, version, Path()))
    champion = ours.aliases(MODEL).get(CHAMPION)
    if champion and CHAMPION not in theirs.aliases(MODEL):
        theirs.move_alias(MODEL, CHAMPION, champion, None)
    return [f"{MODEL}:{version}" for version in versions]


if __name__ == "__main__":
    main()
