"""Stand-ins for the other members of an analysis."""

from servekit.contracts import ModelError, Ports, Prediction

from acme_service.contracts.opinion import Opinion, Question
from acme_service.contracts.sentiment import Sentiment

from tests.fakes import FakeDetector, fake_ports


class FakeSentiment:
    """Finds every text positive, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def predict(self, text: str) -> Prediction[Sentiment]:
        self.asked.append(text)
        return Prediction(Sentiment("positive", 0.5))

    async def check(self) -> None:
        return None


class FakeOpinion:
    """Says the same of everything that has letters, and remembers what it was asked."""

    def __init__(self, language: str = "en", score: float = 0.25) -> None:
        self.opinion = Opinion(language, score, "fake-opinion:1")
        self.asked: list[Question] = []

    async def predict(self, question: Question) -> Prediction[Opinion]:
        self.asked.append(question)
        said = any(map(str.isalpha, question.text))
        return Prediction(self.opinion if said else Opinion(model=self.opinion.model))

    async def check(self) -> None:
        return None


class FailingMember:
    """Raises the same error whatever it is asked."""

    def __init__(self, error: ModelError) -> None:
        self.error = error

    async def predict(self, item: object) -> object:
        raise self.error

    async def check(self) -> None:
        raise self.error


def composed(
    language: FakeDetector | None = None,
    sentiment: FakeSentiment | FailingMember | None = None,
    opinion: FakeOpinion | FailingMember | None = None,
) -> Ports:
    """Ports with all members of an analysis."""
    return fake_ports(
        language, sentiment=sentiment or FakeSentiment(), opinion=opinion or FakeOpinion()
    )
