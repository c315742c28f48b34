"""What calls ask of the API. No request that came over HTTP gets here."""

import re
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from starlette.background import BackgroundTask
from starlette.types import Receive, Scope, Send

from servekit.api.errors import ProblemError, model_problem
from servekit.api.model_header import set_model_header
from servekit.api.principal import ANONYMOUS
from servekit.api.streams import started
from servekit.contracts import ModelError, Prediction, Predictor

from acme_service.api.audit import record_detection
from acme_service.api.hints import Hints
from acme_service.api.v1.schemas import DEFAULT_TOP, MAX_TEXT_CHARS
from acme_service.contracts.language import (
    LANGUAGE,
    MAX_CANDIDATES,
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

MAX_LANGUAGES = 64

_CODE = re.compile(r"[a-z]{2,3}")

router = APIRouter(include_in_schema=False)


class Answers(Response):
    """Gives messages to the call; the answer itself has no body."""

    def __init__(
        self,
        predictions: AsyncIterator[Prediction[Detection]],
        top: int,
        task: BackgroundTask | None = None,
    ) -> None:
        super().__init__(background=task)
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
        if self.background:
            await self.background()


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
    caller = getattr(request.state, "caller", ANONYMOUS)
    top, hints = top_of(message), hints_of(message, request)
    version = hints.version(message.text)
    prediction = await detector_of(request).predict(hints.query(message.text), version)
    language = prediction.value.language
    task = BackgroundTask(record_detection, caller, language, len(message.text))
    answers = Answers(only(prediction), top, task)
    set_model_header(answers, prediction.version)
    return answers


async def guessed(request: Request) -> AsyncIterator[Response]:
    message = asked(request)
    top, hints = top_of(message), hints_of(message, request)
    version = hints.version(message.text)
    stream = detector_of(request).stream(hints.query(message.text), version)
    async with started(stream) as (first, guesses):
        answers = Answers(guesses, top)
        set_model_header(answers, first.version if first else "")
        yield answers


@router.post(DETECT_STREAM)
async def detect_stream(answers: Annotated[Any, Depends(guessed)]) -> Response:
    return answers


def detector_of(request: Request) -> Predictor[Query, Detection]:
    return request.app.state.ports.models[LANGUAGE.name]


async def only(prediction: Prediction[Detection]) -> AsyncIterator[Prediction[Detection]]:
    yield prediction


def top_of(message: DetectRequest) -> int:
    top = message.top if message.HasField("top") else DEFAULT_TOP
    if not 1 <= top <= MAX_CANDIDATES:
        raise ProblemError(422, f"top: a number from 1 to {MAX_CANDIDATES} is wanted.")
    return top


def hints_of(message: DetectRequest, request: Request) -> Hints:
    """How the model is to be asked. Raises a 422 that names the field at fault."""
    if not 1 <= len(message.text) <= MAX_TEXT_CHARS:
        raise ProblemError(422, f"text: 1 to {MAX_TEXT_CHARS} characters are wanted.")
    state = request.app.state
    return Hints(
        allowed=tuple(sorted({*codes("allowed_languages", message.allowed_languages)})),
        preferred=codes("preferred_languages", message.preferred_languages),
        tie_margin=state.detection_settings.tie_margin,
        asks=state.canary.asks(request),
    )


def codes(field: str, values: Iterable[str]) -> tuple[str, ...]:
    found = tuple(values)
    if len(found) > MAX_LANGUAGES or not all(map(_CODE.fullmatch, found)):
        raise ProblemError(422, f"{field}: codes such as de are wanted, {MAX_LANGUAGES} at most.")
    return found


def response(prediction: Prediction[Detection], top: int) -> DetectResponse:
    detection = prediction.value
    name, _, version = prediction.version.partition(":")
    best = zip(detection.languages[:top], detection.scores[:top], strict=True)
    return DetectResponse(
        language=detection.language,
        score=detection.score,
        candidates=[Candidate(language=language, score=score) for language, score in best],
        model=Model(name=name, version=version),
    )
