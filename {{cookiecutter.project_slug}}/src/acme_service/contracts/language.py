"""The language detector."""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict  # Pydantic takes that of `typing` from Python 3.12 on

from servekit.contracts import Contract

from .language_codes import UNDETERMINED, LanguageCode

MAX_CANDIDATES = 3
"""The most candidates a detection carries, best first."""

MAX_CODES = 64

MAX_TEXT_CHARS = 10_000
"""Of a text in a request. A file may be longer."""

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARS)]
Code = Annotated[str, Field(pattern="^[a-z]{2,3}$")]
Codes = Annotated[tuple[Code, ...], Field(max_length=MAX_CODES, examples=[["de", "en"]])]
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


@dataclass(slots=True)
class Query:
    """A text, and what is known about its writer.

    text: any string without lone surrogates.
    allowed: ISO 639-1 codes to choose from. Those that the model does not know are ignored; with
        none left there is no restriction.
    preferred: codes, most wanted first, that decide a tie.
    """

    __pydantic_config__ = ConfigDict(
        json_schema_extra={"examples": [{"text": "Das ist ein schöner Tag."}]}
    )

    text: Text
    allowed: Codes = ()
    preferred: Codes = ()


class Candidate(TypedDict):
    """A language that a text may be written in.

    language: ISO 639-1 code.
    score: in [0, 1], summing to 1 over all languages considered. It ranks; it is not a
        probability.
    """

    language: str
    score: Score


@dataclass(slots=True)
class Detection:
    """The best candidate, and the best few with it. `und` has score 0 and no candidates."""

    language: str = UNDETERMINED
    score: Score = 0.0
    candidates: Annotated[list[Candidate], Field(max_length=MAX_CANDIDATES)] = field(
        default_factory=list
    )


LANGUAGE = Contract("language", input=Query, output=Detection, label=LanguageCode, streams=True)
"""Which language a text is written in.

Its stream has a detection for the first word, the first two words, and so on to the whole text; a
text without words gets one.
"""
