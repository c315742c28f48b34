"""`make serve`: this service on a Ray Serve of this machine's own."""

from servekit.commands.serve import main

CHECK = "acme_service.ingress.assembly:check_settings"

if __name__ == "__main__":
    main(CHECK)
