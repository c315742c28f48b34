"""The language detector, as the API sees it."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

from servekit.contracts import CHAMPION

MAX_CANDIDATES = 10
"""The most candidates a detection carries, best first."""

UNDETERMINED = "und"
"""What ISO 639-2 calls a text whose language cannot be told, such as one without letters."""


class Query(NamedTuple):
    """A text, and what is known about its writer.

    text: any string without lone surrogates.
    allowed: language codes to choose from. Codes that the model does not know are ignored;
        with none left there is no restriction.
    preferred: language codes, most wanted first, that decide a tie.
    tie_margin: a lead in score smaller than this is a tie, in [0, 1].
    model: who has to answer: CHAMPION, CHALLENGER (the champion where there is none), or the
        `reference` of a version. ModelReplacedError is raised when that one is not held.
    """

    text: str
    allowed: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()
    tie_margin: float = 0.0
    model: str = CHAMPION

    @property
    def pinned(self) -> bool:
        """Whether one version has to answer, and no other."""
        return ":" in self.model


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
    model: the `reference` of the model that made it; "" when that is not known.
    """

    languages: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    model: str = ""

    @property
    def candidates(self) -> list[Candidate]:
        return list(map(Candidate, self.languages, self.scores))

    @property
    def language(self) -> str:
        return self.languages[0] if self.languages else UNDETERMINED

    @property
    def score(self) -> float:
        return self.scores[0] if self.scores else 0.0


class LanguageModelCard(NamedTuple):
    """Which model answers.

    languages: ISO 639-1 codes, sorted.
    note: one sentence for operators when something is not as it should be, such as a version
        that was refused; it names no path and no address.
    """

    name: str
    version: str
    languages: tuple[str, ...]
    note: str = ""

    @property
    def reference(self) -> str:
        """One name for this version of this model."""
        return f"{self.name}:{self.version}"


class LanguageDetector(Protocol):
    """Tells which language a text is written in.

    Every method raises ModelOverloadedError, ModelUnavailableError or ModelTimeoutError when
    the model cannot answer in time, and ModelError when it fails.
    """

    async def detect(self, query: Query) -> Detection:
        """One detection for one text."""
        ...

    async def detect_batch(self, queries: Sequence[Query]) -> list[Detection]:
        """One detection a query, in order, all by one version of the model that they ask for.

        queries: at least one, all for the same model.

        Raises ModelUnavailableError when versions change faster than they answer.
        """
        ...

    def detect_each(self, queries: Sequence[Query]) -> AsyncIterator[Detection]:
        """The same, each detection as soon as it is done."""
        ...

    def guesses(self, query: Query) -> AsyncIterator[Detection]:
        """A detection for the first word, the first two words, and so on to the whole text.

        A text without words gets one.
        """
        ...

    async def card(self, model: str = CHAMPION) -> LanguageModelCard:
        """The card of the version that answers now for `model`, as `Query.model` names it."""
        ...

    async def check(self) -> str:
        """Return when the model can answer, or is merely busy; raise ModelError otherwise.

        What comes back is the `note` of its card: "" when all is as it should be.
        """
        ...
