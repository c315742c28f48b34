"""A model store for tests alone; one that changes something copies it."""

import shutil
from contextlib import suppress
from pathlib import Path
from pkgutil import resolve_name
from tempfile import TemporaryDirectory

from servekit.registry.sources.folder import FolderSource
from servekit.registry.sources.layout import CHAMPION
from servekit.registry.training import Training, TrainingError
from servekit.serving.model import Model

from .project import tested

MOST_VERSIONS = 2


def fill(store: Path) -> Path:
    """Fill a store with the first versions of each model.

    They never change, so they come from the project's own store, whose aliases and later versions
    are its operator's; the first one is the champion. Where version 1 is gone, a model that has a
    training is trained again.
    """
    for model in tested().wiring.models():
        if model.versioned:
            _add(model, tested().folder / "model_store" / model.name, store)
    return store


def _add(model: Model, own: Path, store: Path) -> None:
    source = FolderSource(store.as_uri(), 5)
    there = FolderSource(own.parent.as_uri(), 5).versions(model.name) if own.exists() else []
    if "1" not in there and model.training:
        with suppress(TrainingError):  # one that publishes files of others cannot do it again
            resolve_name(model.training)(Training(source))
            return
    for version in there[:MOST_VERSIONS]:
        shutil.copytree(own / version, store / model.name / version)
    if there:
        source.move_alias(model.name, CHAMPION, there[0], None)


_FOLDER = TemporaryDirectory(prefix="models")
STORE = fill(Path(_FOLDER.name) / "model_store")
