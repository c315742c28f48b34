"""The language detector."""

from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from servekit.contracts import Contract

from .language_codes import UNDETERMINED, LanguageCode

MAX_CANDIDATES = 10
"""The most candidates a detection carries, best first."""

Score = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
_AT_MOST = Field(max_length=MAX_CANDIDATES)


class Query(NamedTuple):
    """A text, and what is known about its writer.

    text: any string without lone surrogates.
    allowed: language codes to choose from. Codes that the model does not know are ignored;
        with none left there is no restriction.
    preferred: language codes, most wanted first, that decide a tie.
    tie_margin: a lead in score smaller than this is a tie, in [0, 1].
    """

    text: str
    allowed: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()
    tie_margin: float = 0.0


class Candidate(NamedTuple):
    """A language that a text may be written in.

    language: ISO 639-1 code.
    score: in [0, 1], summing to 1 over all languages considered. It ranks; it is not a
        calibrated probability.
    """

    language: str
    score: float


class Detection(NamedTuple):
    """The languages a text may be written in, best first; none for a text without letters.

    languages, scores: of the candidates, in the same order, at most MAX_CANDIDATES. Two plain
        tuples, because many detections travel between processes.
    """

    languages: Annotated[tuple[str, ...], _AT_MOST] = ()
    scores: Annotated[tuple[Score, ...], _AT_MOST] = ()

    @property
    def candidates(self) -> list[Candidate]:
        return list(map(Candidate, self.languages, self.scores))

    @property
    def language(self) -> str:
        return self.languages[0] if self.languages else UNDETERMINED

    @property
    def score(self) -> float:
        return self.scores[0] if self.scores else 0.0


def _whole(detection: Detection) -> Detection:
    if len(detection.languages) != len(detection.scores):
        raise ValueError("There is a score for each language.")
    return detection


LANGUAGE = Contract(
    "language",
    input=Query,
    output=Annotated[Detection, AfterValidator(_whole)],
    label=LanguageCode,
    streams=True,
)
"""Which language a text is written in.

Its stream has a detection for the first word, the first two words, and so on to the whole text; a
text without words gets one.
"""
