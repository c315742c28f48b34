"""A base class for predictors that wrap another one."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from .prediction import ModelCard, Prediction
from .predictor import Predictor
from .roles import CHAMPION


class WrappedPredictor:
    """Passes every call to `inner`. A feature overrides the methods that it changes."""

    def __init__(self, inner: Predictor[Any, Any]) -> None:
        self.inner = inner

    async def predict(self, item: Any, version: str = CHAMPION) -> Prediction[Any]:
        return await self.inner.predict(item, version)

    async def predict_batch(
        self, items: Sequence[Any], version: str = CHAMPION
    ) -> list[Prediction[Any]]:
        return await self.inner.predict_batch(items, version)

    def predict_each(
        self, items: Sequence[Any], version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Any]]:
        return self.inner.predict_each(items, version)

    def stream(self, item: Any, version: str = CHAMPION) -> AsyncIterator[Prediction[Any]]:
        return self.inner.stream(item, version)

    async def card(self, version: str = CHAMPION) -> ModelCard:
        return await self.inner.card(version)

    async def check(self) -> str | None:
        return await self.inner.check()
