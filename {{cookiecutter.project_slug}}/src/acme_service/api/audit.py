"""An audit record of every detection: the principal and the outcome, apart from the request log.

The text itself is never recorded.
"""

import logging

from servekit.api.principal import Principal

log = logging.getLogger(__name__)


async def record_detection(caller: Principal, language: str, text_chars: int) -> None:
    """Write the record; runs after the response is sent, so that it delays none."""
    log.info(
        "detected",
        extra={"caller": caller.id, "language": language, "text_chars": text_chars},
    )
