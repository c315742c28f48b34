"""Sticky canary routing: a fixed fraction of callers go to the challenger."""

from collections.abc import Callable, Iterable
from hashlib import blake2b

from pydantic import Field
from pydantic_settings import SettingsConfigDict
from starlette.requests import HTTPConnection

from servekit.contracts import CHALLENGER, CHAMPION
from servekit.settings import Settings

from .principal import ANONYMOUS

KEY_HEADER = "X-Canary-Key"
"""Keeps a caller without a principal on one side."""

MAX_KEY_CHARS = 200
"""Characters of the key that count."""

_SALT = b"canary"
"""Another salt would choose other callers."""

Asks = Callable[[Iterable[str]], str]
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


def champion(_: Iterable[str]) -> str:
    return CHAMPION


def challenger(_: Iterable[str]) -> str:
    return CHALLENGER


class Canary:
    """Routes a caller to the challenger when its position is below the fraction.

    A caller on the challenger's side stays there when the fraction grows.
    """

    def __init__(self, settings: CanarySettings) -> None:
        self._fraction = settings.fraction

    @property
    def is_on(self) -> bool:
        return self._fraction > 0

    def asks(self, connection: HTTPConnection) -> Asks:
        """The side of a caller: by principal, else by the key in the header, else by the item.

        By the item, because an equal item then gets an equal answer.
        """
        if not self.is_on:
            return champion
        caller = getattr(connection.state, "caller", ANONYMOUS)
        key = caller.id if caller is not ANONYMOUS else connection.headers.get(KEY_HEADER, "")
        if not key:
            return self._by_texts
        return challenger if self._is_drawn([key[:MAX_KEY_CHARS]]) else champion

    def _by_texts(self, texts: Iterable[str]) -> str:
        return CHALLENGER if self._is_drawn(texts) else CHAMPION

    def _is_drawn(self, parts: Iterable[str]) -> bool:
        return position(parts) < self._fraction
