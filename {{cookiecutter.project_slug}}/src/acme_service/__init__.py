"""Language detection, served over HTTP.

OpenAPI and the pages take the service's display name and version from here.
"""

NAME = "Acme Service"
VERSION = "0.1.0"
