"""Sticky canary routing: a fixed fraction of callers go to the challenger."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any

from pydantic import Field
from pydantic_settings import SettingsConfigDict
from starlette.requests import HTTPConnection

from servekit.contracts import (
    CHALLENGER,
    CHAMPION,
    NoKeyError,
    Prediction,
    Predictor,
    WrappedPredictor,
    key_of,
)
from servekit.settings import Settings

from .principal import ANONYMOUS

KEY_HEADER = "X-Canary-Key"
"""Keeps a caller without a principal on one side."""

MAX_KEY_CHARS = 200
"""Characters of the key that count."""

_SALT = b"canary"
"""Another salt would choose other callers."""

Side = Callable[[Iterable[str]], str]
"""Takes the keys of the items, and gives the role of the version that has to answer."""


class CanarySettings(Settings):
    """How much of the traffic a challenger gets.

    fraction: of the callers that go to the challenger, if there is one, in [0, 1].
    """

    model_config = SettingsConfigDict(env_prefix="CANARY_")

    fraction: float = Field(default=0.0, ge=0, le=1)


def position(parts: Iterable[str]) -> float:
    """Map a key to [0, 1): evenly spread, and the same in every process."""
    digest = blake2b(digest_size=8, salt=_SALT)
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass"))
    # 53 bits, which is what a float can tell from 1.
    return (int.from_bytes(digest.digest()) >> 11) / 2**53


class CanaryPredictor(WrappedPredictor):
    """Asks the side of the canary that a caller is on, unless a version is named."""

    def __init__(self, inner: Predictor[Any, Any], side: Side) -> None:
        super().__init__(inner)
        self._side = side

    async def predict(self, item: Any, version: str = CHAMPION) -> Prediction[Any]:
        return await self.inner.predict(item, version or self._version(item))

    async def predict_batch(
        self, items: Sequence[Any], version: str = CHAMPION
    ) -> list[Prediction[Any]]:
        return await self.inner.predict_batch(items, version or self._version(*items))

    def predict_each(
        self, items: Sequence[Any], version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Any]]:
        return self.inner.predict_each(items, version or self._version(*items))

    def stream(self, item: Any, version: str = CHAMPION) -> AsyncIterator[Prediction[Any]]:
        return self.inner.stream(item, version or self._version(item))

    def _version(self, *items: Any) -> str:
        """Return one role for all of these items."""
        try:
            return self._side(map(key_of, items))
        except NoKeyError:
            return CHAMPION


class Canary:
    """Routes a caller to the challenger when its position is below the fraction.

    A caller on the challenger's side stays there when the fraction grows.
    """

    def __init__(self, settings: CanarySettings) -> None:
        self._fraction = settings.fraction

    @property
    def is_on(self) -> bool:
        return self._fraction > 0

    def over(self, model: Predictor[Any, Any], connection: HTTPConnection) -> Predictor[Any, Any]:
        """The model, asked on the side of the canary that a caller is on.

        The principal decides, else the key in the header, else the item: an equal item gets the
        same answer again.
        """
        if not self.is_on:
            return model
        caller = getattr(connection.state, "caller", ANONYMOUS)
        key = caller.id if caller is not ANONYMOUS else connection.headers.get(KEY_HEADER, "")
        if not key:
            return CanaryPredictor(model, self._by_keys)
        side = self._by_keys([key[:MAX_KEY_CHARS]])
        return CanaryPredictor(model, lambda _: side)

    def _by_keys(self, keys: Iterable[str]) -> str:
        return CHALLENGER if position(keys) < self._fraction else CHAMPION
