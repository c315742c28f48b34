"""Version 1 of the API. Its answers keep their shape for as long as it lives."""

from . import detect, files, languages, preferences, streams

routers = [
    detect.router,
    streams.router,
    files.router,
    languages.router,
    preferences.router,
]
