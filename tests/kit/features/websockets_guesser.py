"""A model that streams, and the API around it: what the tests of sockets talk to."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from pydantic import BaseModel, Field

from servekit.api import Feature, GuardedApi, Service, create_app
from servekit.api.models import model_router
from servekit.contracts import CHALLENGER, CHAMPION, Contract, ModelCard, Ports, Prediction
from servekit.features.websockets import websockets
from servekit.testing.fakes import FakeMeter

SERVICE = Service(name="Guesser", slug="guesser", package="guesser", version="1")
SOCKET = "/v1/guess/ws"


class Text(BaseModel):
    text: Annotated[str, Field(min_length=1, max_length=10_000)]


class Guess(BaseModel):
    words: int


GUESS = Contract("guess", Text, Guess, streams=True)


class Guesser:
    """Counts the words of a text, of the first one, the first two, and so on.

    Attributes:
        asked: The texts that were counted, in order.
        abandoned: The texts whose answer was given up.
    """

    version = "7"
    challenger = "7"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.abandoned: list[str] = []

    async def predict(self, item: Text, version: str = CHAMPION) -> Prediction[Guess]:
        self.asked.append(item.text)
        number = self.challenger if version == CHALLENGER else self.version
        return Prediction(Guess(words=len(item.text.split())), f"guess:{number}")

    async def stream(self, item: Text, version: str = CHAMPION) -> AsyncIterator[Prediction[Guess]]:
        words = item.text.split()
        for length in range(1, len(words) + 1):
            yield await self.predict(Text(text=" ".join(words[:length])), version)

    async def card(self, version: str = CHAMPION) -> ModelCard:
        return ModelCard("guess", self.version, {})

    async def check(self) -> str:
        return ""


class FailingGuesser(Guesser):
    """Raises the same error whatever it is asked."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def predict(self, item: Text, version: str = CHAMPION) -> Prediction[Guess]:
        raise self.error


class StallingGuesser(Guesser):
    """Guesses once, and never again."""

    async def stream(self, item: Text, version: str = CHAMPION) -> AsyncIterator[Prediction[Guess]]:
        yield await self.predict(item, version)
        try:
            await asyncio.Event().wait()
        finally:
            self.abandoned.append(item.text)


def guessing(model: Guesser | None = None, *features: Feature, **options: Any) -> GuardedApi:
    """An API with one model, its socket and the playground.

    Args:
        model: A Guesser by default.
        features: Beside `websockets`, which is the last unless it is among them.
        options: Of `create_app`.
    """
    ports = Ports({"guess": model or Guesser()}, FakeMeter(), {"guess": GUESS})
    if not any(one.name == "websockets" for one in features):
        features = (*features, websockets())
    routers = [model_router(GUESS, "/v1/guess")]
    return create_app(SERVICE, ports, routers, features, **options)
