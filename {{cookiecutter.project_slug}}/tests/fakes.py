"""Stand-ins for the language model."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from servekit import api
from servekit.api import Feature, GuardedApi
from servekit.contracts import CHAMPION, Contract, ModelCard, Ports, Prediction
from servekit.testing.fakes import (
    ChangingPredictor,
    FailingPredictor,
    FakeMeter,
    FakePredictor,
    StuckPredictor,
)

from acme_service.app import WIRING
from acme_service.contracts.language import LANGUAGE, Detection, Query
from acme_service.features import routers

CARD = ModelCard("fake-language", "7", {"languages": ["de", "en", "fr"]})


def detection(**scores: float) -> Detection:
    """The detection with these scores, best first."""
    [(language, score), *_] = scores.items()
    return Detection(language, score, [{"language": one, "score": scores[one]} for one in scores])


ENGLISH = detection(en=0.75, de=0.2, fr=0.05)
"""What FakeDetector says of every text that has letters."""

ENGLISH_JSON = {"language": "en", "score": 0.75, "candidates": ENGLISH.candidates}


def english(query: Query) -> Detection:
    return ENGLISH if any(map(str.isalpha, query.text)) else Detection()


class FakeDetector(FakePredictor):
    """Finds English in everything that has letters, and streams word by word."""

    def __init__(self) -> None:
        super().__init__(LANGUAGE, english, CARD)

    async def stream(
        self, item: Query, version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Detection]]:
        words = item.text.split()
        for length in range(1, max(len(words), 1) + 1):
            yield await self.predict(replace(item, text=" ".join(words[:length])), version)


class ChangingDetector(ChangingPredictor, FakeDetector):
    """A detector that is replaced now and then."""


class FailingDetector(FailingPredictor, FakeDetector):
    """A detector that raises the error that it is given."""


class StuckDetector(StuckPredictor, FakeDetector):
    """A detector that never answers."""


def fake_ports(language: FakeDetector | None = None, **optional: Any) -> Ports:
    """Ports that answer at once, with the given models in place of the usual fakes.

    optional: models that requests can be answered without, by name.
    """
    models = {"language": language or FakeDetector(), **optional}
    others = {name: Contract(name, str, str, required=False, cacheable=False) for name in optional}
    return Ports(models, FakeMeter(), {"language": LANGUAGE, **others})


def create_app(ports: Ports, features: Sequence[Feature] = (), **settings: Any) -> GuardedApi:
    """The API of this service around these models."""
    return api.create_app(WIRING.service, ports, [*routers()], features, **settings)
