"""`make publish`: copy the versions in `model_store/` to the store that `MODEL_STORE` names.

Needs no training dependency, so it runs in the image too.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dotenv import load_dotenv

from servekit.registry.errors import ModelStoreError
from servekit.registry.settings import StoreSettings
from servekit.registry.sources.folder import FolderSource
from servekit.registry.sources.source import ModelSource, SourceKind
from servekit.registry.store import open_source, shown
from servekit.serving.model import Model

from .versions import CHAMPION, chosen


def main(
    models: Iterable[Model],
    kinds: Sequence[SourceKind],
    arguments: Sequence[str] | None = None,
) -> None:
    """Publish the versions of one model, or of all that have versions.

    Args:
        models: Those of the service.
        kinds: The places that `MODEL_STORE` may name.
        arguments: Of the command line; by default those of this process.
    """
    parser = argparse.ArgumentParser(description="Publish the models of model_store/ to a store.")
    parser.add_argument("--model", default="", help="its name; all by default")
    options = parser.parse_args(arguments)
    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    try:
        settings = StoreSettings.load()
        theirs = open_source(tuple(kinds), settings.store, settings.fetch_timeout_s)
        ours = FolderSource("file:model_store", settings.timeout_s)
        published = [
            reference
            for model in chosen(models, options.model)
            for reference in publish(model.name, ours, theirs)
        ]
    except ModelStoreError as error:
        sys.exit(str(error))
    print(f"{shown(settings.store)} has {', '.join(published)}.")


def publish(name: str, ours: FolderSource, theirs: ModelSource) -> Iterator[str]:
    """Publish the versions of a model, and its champion unless the store has one.

    Args:
        name: Of the model.
        ours: The folder that they are in.
        theirs: The store that they go to.

    Yields:
        The reference of each version, such as "churn:1".

    Raises:
        ModelStoreError: A version is there with other content.
    """
    for version in ours.versions(name):
        theirs.publish(name, version, ours.fetch(name, version, Path()))
        yield f"{name}:{version}"
    champion = ours.aliases(name).get(CHAMPION)
    if champion and CHAMPION not in theirs.aliases(name):
        theirs.move_alias(name, CHAMPION, champion, None)
