"""A model store for tests alone; one that changes something copies it."""

import shutil
from pathlib import Path
from pkgutil import resolve_name
from tempfile import TemporaryDirectory

from servekit.registry.sources.folder import FolderSource
from servekit.registry.training import Training
from servekit.serving.model import Model

from .project import tested

MOST_VERSIONS = 2


def fill(store: Path) -> Path:
    """Fill a store with the first versions of each model.

    They never change, so they come from the project's own store, whose aliases and later versions
    are its operator's; the first one is the champion. A model that has none there is trained.
    """
    for model in tested().wiring.models():
        if model.versioned:
            _add(model, tested().folder / "model_store" / model.name, store)
    return store


def _add(model: Model, own: Path, store: Path) -> None:
    source = FolderSource(store.as_uri(), 5)
    there = FolderSource(own.parent.as_uri(), 5).versions(model.name) if own.exists() else []
    for version in there[:MOST_VERSIONS]:
        shutil.copytree(own / version, store / model.name / version)
    if there:
        source.move_alias(model.name, "champion", there[0], None)
    elif model.training:
        resolve_name(model.training)(Training(source))


_FOLDER = TemporaryDirectory(prefix="models")
STORE = fill(Path(_FOLDER.name) / "model_store")
