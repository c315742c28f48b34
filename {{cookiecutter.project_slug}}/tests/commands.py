"""Runs a command of the service, as `make` does."""

from servekit.commands import main


def run(*arguments: str) -> str:
    """Run it, and return the sentence that it has failed with, if it has."""
    try:
        main("acme_service.app:WIRING", [*arguments])
    except SystemExit as ended:
        return str(ended.code or "")
    return ""
