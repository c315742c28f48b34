"""The model store of the tests."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from servekit.registry.sources.folder import FolderSource
from servekit.registry.training import Training

from acme_service.models.training import train

OWN = Path(__file__).parents[1] / "model_store"


def fill(store: Path) -> Path:
    """A store with version 1, which is the champion, and version 2.

    Neither ever changes, so they come from the project's own store, whose aliases and other
    versions are its operator's. One that is gone from there is trained again, to the same bytes.
    """
    folders = [Path("language") / version for version in ("1", "2")]
    there = [folder for folder in folders if (OWN / folder).exists()]
    for folder in there:
        shutil.copytree(OWN / folder, store / folder)
    source = FolderSource(store.as_uri(), 5)
    if there != folders:
        train(Training(source))
    else:
        source.move_alias("language", "champion", "1", None)
    return store


_FOLDER = TemporaryDirectory(prefix="models")
STORE = fill(Path(_FOLDER.name) / "model_store")
"""The tests' own, which is where they find the models. One that changes something copies it."""
