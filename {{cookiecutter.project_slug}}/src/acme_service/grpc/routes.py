"""What calls ask of the API. No request that came over HTTP gets here."""

import re
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from starlette.types import Receive, Scope, Send

from servekit.api.errors import ProblemError, model_problem
from servekit.api.model_header import set_model_header
from servekit.api.streams import started
from servekit.contracts import ModelError, Prediction, Predictor

from acme_service.contracts.language import (
    LANGUAGE,
    MAX_CANDIDATES,
    MAX_CODES,
    MAX_TEXT_CHARS,
    Detection,
    Query,
)

from .calls import CALL, Call
from .protos.language.v1.detector_pb2 import (
    Candidate,
    DetectRequest,
    DetectResponse,
    Model,
)

DETECT = "/language.v1.LanguageDetector/Detect"
DETECT_STREAM = "/language.v1.LanguageDetector/DetectStream"

_CODE = re.compile(r"[a-z]{2,3}")

router = APIRouter(include_in_schema=False)


class Answers(Response):
    """Gives messages to the call; the answer itself has no body."""

    def __init__(self, predictions: AsyncIterator[Prediction[Detection]], top: int) -> None:
        super().__init__()
        self._predictions = predictions
        self._top = top

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call: Call = scope[CALL]
        headers = self.raw_headers
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            async for prediction in self._predictions:
                await call.give(response(prediction, self._top))
        except ModelError as error:
            problem = model_problem(error)
            call.fail(problem["status"], problem)
        await send({"type": "http.response.body", "body": b""})


# Called where they are needed: to resolve a dependency takes FastAPI some ten microseconds.


def asked(request: Request) -> DetectRequest:
    """The message of the call. Raises a 404 for a request that came over HTTP."""
    call: Call | None = request.scope.get(CALL)
    if call is None:
        raise HTTPException(404)
    return call.request


@router.post(DETECT)
async def detect(request: Request) -> Response:
    message = asked(request)
    top = top_of(message)
    prediction = await detector_of(request).predict(query_of(message))
    answers = Answers(only(prediction), top)
    set_model_header(answers, prediction.version)
    return answers


async def guessed(request: Request) -> AsyncIterator[Response]:
    message = asked(request)
    top = top_of(message)
    stream = detector_of(request).stream(query_of(message))
    async with started(stream) as (first, guesses):
        answers = Answers(guesses, top)
        set_model_header(answers, first.version if first else "")
        yield answers


@router.post(DETECT_STREAM)
async def detect_stream(answers: Annotated[Any, Depends(guessed)]) -> Response:
    return answers


def detector_of(request: Request) -> Predictor[Query, Detection]:
    state = request.app.state
    return state.canary.over(state.ports.models[LANGUAGE.name], request)


async def only(prediction: Prediction[Detection]) -> AsyncIterator[Prediction[Detection]]:
    yield prediction


def top_of(message: DetectRequest) -> int:
    top = message.top if message.HasField("top") else MAX_CANDIDATES
    if not 1 <= top <= MAX_CANDIDATES:
        raise ProblemError(422, f"top: a number from 1 to {MAX_CANDIDATES} is wanted.")
    return top


def query_of(message: DetectRequest) -> Query:
    """What the model is asked. Raises a 422 that names the field at fault."""
    if not 1 <= len(message.text) <= MAX_TEXT_CHARS:
        raise ProblemError(422, f"text: 1 to {MAX_TEXT_CHARS} characters are wanted.")
    return Query(
        message.text,
        allowed=tuple(sorted({*codes("allowed_languages", message.allowed_languages)})),
        preferred=codes("preferred_languages", message.preferred_languages),
    )


def codes(field: str, values: Iterable[str]) -> tuple[str, ...]:
    found = tuple(values)
    if len(found) > MAX_CODES or not all(map(_CODE.fullmatch, found)):
        raise ProblemError(422, f"{field}: codes such as de are wanted, {MAX_CODES} at most.")
    return found


def response(prediction: Prediction[Detection], top: int) -> DetectResponse:
    detection = prediction.value
    name, _, version = prediction.version.partition(":")
    return DetectResponse(
        language=detection.language,
        score=detection.score,
        candidates=[Candidate(**one) for one in detection.candidates[:top]],
        model=Model(name=name, version=version),
    )
