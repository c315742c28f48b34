"""The service that is tested."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from servekit.ingress.wiring import Wiring


@dataclass(frozen=True)
class Project:
    """A service, as its `tests/project.py` describes it.

    Attributes:
        folder: Where `pyproject.toml` is.
        wiring: Of the service.
    """

    folder: Path
    wiring: Wiring

    @property
    def package(self) -> str:
        """The import name of the service."""
        return self.wiring.service.package


def tested() -> Project:
    """The `PROJECT` of `tests/project.py`."""
    return import_module("tests.project").PROJECT
