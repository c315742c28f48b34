"""The service that is tested."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from starlette.types import ASGIApp

from servekit.api import Feature
from servekit.registry.sources.source import SourceKind
from servekit.serving.model import Model


@dataclass(frozen=True)
class Project:
    """A service, as its `tests/project.py` describes it.

    Attributes:
        folder: Where `pyproject.toml` is.
        package: The import name of the service.
        slug: Its name in tokens and keys.
        models: Those of `features.py`.
        features: Those of `features.py`.
        sources: Those of `features.py`.
        app: Makes the whole service for this process, models included.
        launch: What Python is called with to serve on Ray.
        store: A model store for tests alone; one that changes something copies it.
    """

    folder: Path
    package: str
    slug: str
    models: Callable[[], Iterable[Model]]
    features: Callable[[], Iterable[Feature]]
    sources: Callable[[], Iterable[SourceKind]]
    app: Callable[[], ASGIApp]
    launch: Sequence[str]
    store: Path


def tested() -> Project:
    """The `PROJECT` of `tests/project.py`."""
    return import_module("tests.project").PROJECT
