"""A model store for tests alone; one that changes something copies it."""

import shutil
from pathlib import Path
from pkgutil import resolve_name
from tempfile import TemporaryDirectory

from servekit.registry.sources.folder import FolderSource
from servekit.registry.training import Training
from servekit.serving.model import Model

from .project import tested

VERSIONS = ("1", "2")
"""The versions of each model that tests find, if it has them; the first one is the champion."""


def fill(store: Path) -> Path:
    """Fill a store with the first versions of each model.

    They never change, so they come from the project's own store, whose aliases and other versions
    are its operator's. Those that are gone from there are trained again, to the same bytes.
    """
    for model in tested().wiring.models():
        if model.versioned:
            _add(model, tested().folder / "model_store" / model.name, store)
    return store


def _add(model: Model, own: Path, store: Path) -> None:
    there = [version for version in VERSIONS if (own / version).exists()]
    for version in there:
        shutil.copytree(own / version, store / model.name / version)
    source = FolderSource(store.as_uri(), 5)
    if len(there) < len(VERSIONS) and model.training:
        resolve_name(model.training)(Training(source))
    elif there:
        source.move_alias(model.name, "champion", there[0], None)


_FOLDER = TemporaryDirectory(prefix="models")
STORE = fill(Path(_FOLDER.name) / "model_store")
