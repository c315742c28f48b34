"""Caches the card of a model: its version, facts and condition."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from time import monotonic

from servekit.contracts import ModelCard, ModelError

from .transport import JUST_NOW_S, LATELY_S


class ModelCardCache:
    """The card of the version that answers now.

    Concurrent requests share one call for it, and none is made while answers show that it is
    current.
    """

    def __init__(self, ask: Callable[[], Awaitable[ModelCard]]) -> None:
        self._ask = ask
        self._card: ModelCard | None = None
        self._asked_at = self._right_at = float("-inf")
        self._renewal: asyncio.Task[ModelCard] | None = None

    @property
    def note(self) -> str:
        """The note of the last card."""
        return self._card.note if self._card else ""

    @property
    def is_old(self) -> bool:
        """Whether its note may be outdated: answers confirm the version alone."""
        return monotonic() - self._asked_at > LATELY_S

    async def get(self) -> ModelCard:
        if self._card is None or monotonic() - self._right_at > JUST_NOW_S:
            if self._renewal is None or self._renewal.done():
                # A task of its own, so it outlasts the request that came first.
                loop = asyncio.get_running_loop()
                self._renewal = loop.create_task(self.renew(), context=Context())
            try:
                return await asyncio.shield(self._renewal)
            except ModelError as error:
                # A new instance for each raise: an error collects the traceback of every raise.
                raise type(error)(*error.args) from None
        return self._card

    async def renew(self) -> ModelCard:
        asked_at = monotonic()
        self._card = await self._ask()
        self._asked_at = self._right_at = asked_at
        return self._card

    def answered(self, reference: str, asked_at: float) -> None:
        """Confirm the card by an answer, so that under load it is not fetched again."""
        if self._card:
            same = reference == self._card.reference
            self._right_at = max(self._right_at, asked_at) if same else float("-inf")
