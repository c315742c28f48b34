"""`make load`, for the models of this service."""

from servekit.commands.load import main

if __name__ == "__main__":
    main(f"{__spec__.name.rpartition('.')[0]}.features")
