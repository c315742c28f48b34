"""The commands of this service, which `make` calls."""

from servekit.commands import run

run("acme_service.app:WIRING", __name__)
