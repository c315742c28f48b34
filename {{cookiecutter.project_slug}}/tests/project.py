"""The service that is tested, as the fixtures of the kit take it."""

from pathlib import Path

from servekit.testing.project import Project

from acme_service.app import WIRING

PROJECT = Project(folder=Path(__file__).parents[1], wiring=WIRING)
