"""Who the tests are: a caller whom the service lets in, whatever features it has.

A feature that asks who is calling brings `tests/features/<name>_visitor.py`, and is found here
by that name. Such a file says, each as a dict:

SETTINGS: how the service runs in tests.
HEADERS: what lets the tests in. Tests that ask the whole service send these with every request.
STORAGE: what a browser remembers of an earlier visit.
"""

from importlib import import_module
from pathlib import Path

from fastapi.testclient import TestClient
from starlette.types import ASGIApp

_FEATURES = [
    import_module(f"tests.features.{path.stem}")
    for path in sorted(Path(__file__).parent.glob("features/*_visitor.py"))
]


def _said(name: str) -> dict[str, str]:
    return {key: value for one in _FEATURES for key, value in getattr(one, name, {}).items()}


SETTINGS = _said("SETTINGS")
HEADERS = _said("HEADERS")
STORAGE = _said("STORAGE")


def visiting(app: ASGIApp, url: str = "http://testserver") -> TestClient:
    """A client of the whole service in this process, with every feature on."""
    return TestClient(app, base_url=url, headers={**HEADERS})
