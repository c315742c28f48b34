"""A record of every answer, kept apart from the request log: who asked, what came out.

The text itself is never recorded.
"""

import logging

from .caller import Caller

log = logging.getLogger(__name__)


async def record_detection(caller: Caller, language: str, text_chars: int) -> None:
    """Runs after the answer is sent, so that nobody waits for it."""
    log.info(
        "detected",
        extra={"caller": caller.id, "language": language, "text_chars": text_chars},
    )
