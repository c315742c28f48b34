"""`make publish`, for the models of this service."""

from servekit.commands.publish import main

from .features import models, sources

if __name__ == "__main__":
    main(models(), tuple(sources()))
