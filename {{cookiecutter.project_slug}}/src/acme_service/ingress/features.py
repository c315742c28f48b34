"""The features this service runs with. Delete a block and its room, and the feature is gone."""

from collections.abc import Iterator

from acme_service.api import Feature


def enabled() -> Iterator[Feature]:
    """Every feature, outermost first. Settings are read now, so a bad one stops the start."""
    from acme_service.features.request_log import request_log

    yield request_log()
    # {% if cookiecutter.auth %}

    from acme_service.features.auth import auth

    yield auth()
    # {% endif %}
    # {% if cookiecutter.websockets %}

    from acme_service.features.websockets import websockets

    yield websockets()
    # {% endif %}
