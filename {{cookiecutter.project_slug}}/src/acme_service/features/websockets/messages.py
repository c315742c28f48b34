"""What a client says, checked before a model is asked, and what it is told."""

from typing import Any, Literal, NamedTuple, Self

from pydantic import ValidationError
from starlette.types import Message

from servekit.api.errors import InvalidField, problem
from servekit.contracts import Prediction

from acme_service.api.v1.schemas import DEFAULT_TOP, DetectionOut, TextIn
from acme_service.contracts.language import Detection


class Refusal(NamedTuple):
    """Why a message gets no answer, and whether the socket closes over it."""

    problem: dict[str, Any]
    too_large: bool = False


class AnswerOut(DetectionOut):
    """A v1 answer: a guess about the words so far, or the last word on all of them.

    model: the name and the version of the model that has answered.
    """

    type: Literal["guess", "done"] = "guess"
    model: str = ""

    @classmethod
    def to(cls, prediction: Prediction[Detection], top: int = DEFAULT_TOP) -> Self:
        """The answer to a prediction."""
        answer = cls.of(prediction.value, top)
        answer.model = prediction.version
        return answer


def understood(message: Message, max_bytes: int) -> TextIn | Refusal:
    """The text that a `websocket.receive` message asks about, or what is wrong with it."""
    text = message.get("text")
    # Lone surrogates pass here, so that they are refused below like other invalid JSON.
    content = message["bytes"] if text is None else text.encode("utf-8", "surrogatepass")
    if len(content) > max_bytes:
        detail = f"The message is larger than {max_bytes} bytes."
        return Refusal(problem(413, detail), too_large=True)
    if text is None:
        return Refusal(problem(422, "The message is binary; send JSON as text."))
    try:
        return TextIn.model_validate_json(content)
    except ValidationError as error:
        return Refusal(problem(422, "The message is not valid.", errors=_wrong_parts(error)))


def _wrong_parts(error: ValidationError) -> list[InvalidField]:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return [InvalidField(location=["message", *one["loc"]], message=one["msg"]) for one in details]
