"""Models that answer over HTTP.

OpenAPI and the pages take the service's display name, description and version from here.
"""

NAME = "Acme Service"
SLUG = "acme-service"
DESCRIPTION = "What the Acme Service does."
VERSION = "0.1.0"
