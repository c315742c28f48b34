"""Clients with valid credentials, whatever features the service has.

A feature of the kit that needs something for that has a module in `features/`; one of the service
has `tests/features/<name>_visitor.py`. Such a module has any of these, each a dict:

SETTINGS: how the service runs in tests.
HEADERS: what lets the tests in. Tests that ask the whole service send these with every request.
STORAGE: what a browser remembers of an earlier visit.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

from fastapi.testclient import TestClient
from starlette.types import ASGIApp

from .project import tested


def _modules() -> Iterator[ModuleType]:
    for path in sorted((Path(__file__).parent / "features").glob("[!_]*.py")):
        yield import_module(f"{__package__}.features.{path.stem}")
    for path in sorted((tested().folder / "tests/features").glob("*_visitor.py")):
        yield import_module(f"tests.features.{path.stem}")


_MODULES = [*_modules()]


def _merged(name: str) -> dict[str, str]:
    return {key: value for one in _MODULES for key, value in getattr(one, name, {}).items()}


SETTINGS = _merged("SETTINGS")
HEADERS = _merged("HEADERS")
STORAGE = _merged("STORAGE")


def visiting(app: ASGIApp, url: str = "http://testserver") -> TestClient:
    """A client of the whole service in this process, with every feature on."""
    return TestClient(app, base_url=url, headers={**HEADERS})
