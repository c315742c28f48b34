"""`make models`, `make promote` and `make rollback`, for the models of this service."""

from servekit.commands.versions import main

from .features import models, sources

if __name__ == "__main__":
    main(models(), tuple(sources()))
