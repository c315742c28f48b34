"""Validates the messages of clients, and words the errors that they get."""

import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError
from starlette.types import Message

from servekit.api.errors import invalid_fields, problem
from servekit.contracts import Prediction

log = logging.getLogger(__name__)


class Refusal(NamedTuple):
    """Why a message gets no answer, and whether the socket closes over it."""

    problem: dict[str, Any]
    too_large: bool = False


class Received(NamedTuple):
    """A message that was understood."""

    item: Any


@dataclass(frozen=True)
class Exchange:
    """How messages become items, and predictions become messages.

    Attributes:
        read: Makes an item of JSON; raises ValidationError.
        ask: Gives the predictions for an item, one or piece by piece.
        write: Makes the text of a message from the last prediction, if there is one; `is_last`
            says that no other follows.
        pieces: Whether each prediction is sent as it comes, and not only the last one.
    """

    read: Callable[[bytes], Any]
    ask: Callable[[Any], AsyncIterator[Prediction[Any]]]
    write: Callable[[Prediction[Any] | None, bool], str]
    pieces: bool = True


def understood(
    message: Message, max_bytes: int, read: Callable[[bytes], Any]
) -> Received | Refusal:
    """The item in a `websocket.receive` message, or what is wrong with it."""
    text = message.get("text")
    # Lone surrogates pass here, so that they are refused below like other invalid JSON.
    content = message["bytes"] if text is None else text.encode("utf-8", "surrogatepass")
    if len(content) > max_bytes:
        detail = f"The message is larger than {max_bytes} bytes."
        return Refusal(problem(413, detail), too_large=True)
    if text is None:
        return Refusal(problem(422, "The message is binary; send JSON as text."))
    try:
        return Received(read(content))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        errors = invalid_fields(found, "message")
        return Refusal(problem(422, "The message is not valid.", errors=errors))
    except Exception:  # of a validator of the service's own
        log.exception("unexpected error")
        return Refusal(problem(500))
