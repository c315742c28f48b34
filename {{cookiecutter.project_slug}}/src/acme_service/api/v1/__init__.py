"""Version 1 of the API. Its answers keep their shape for as long as it lives."""

from . import detect, languages, preferences

routers = [detect.router, languages.router, preferences.router]
