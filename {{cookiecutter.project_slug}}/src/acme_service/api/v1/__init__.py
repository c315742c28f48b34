"""Version 1 of the API. Its answers keep their shape for as long as it lives."""

from servekit.api.models import ModelRouter

from acme_service.contracts.language import LANGUAGE

from . import detect, files, languages, preferences, streams

routers = [
    detect.router,
    streams.router,
    files.router,
    languages.router,
    preferences.router,
    # Its routes are written by hand; features add theirs, such as a socket.
    ModelRouter(LANGUAGE, "/v1/detect"),
]
