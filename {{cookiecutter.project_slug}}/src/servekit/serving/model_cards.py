"""What a model says of itself, asked for seldom."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from time import monotonic

from servekit.contracts import ModelCard, ModelError

from .transport import JUST_NOW_S, LATELY_S


class ModelCardCache:
    """The card of the version that answers now.

    It is asked for by all who want it together, and not at all while answers show that it is
    right.
    """

    def __init__(self, ask: Callable[[], Awaitable[ModelCard]]) -> None:
        self._ask = ask
        self._card: ModelCard | None = None
        self._asked_at = self._right_at = float("-inf")
        self._renewal: asyncio.Task[ModelCard] | None = None

    @property
    def note(self) -> str:
        """That of the last card."""
        return self._card.note if self._card else ""

    @property
    def is_old(self) -> bool:
        """Whether its note may have changed: answers show the version, but no more than that."""
        return monotonic() - self._asked_at > LATELY_S

    async def get(self) -> ModelCard:
        if self._card is None or monotonic() - self._right_at > JUST_NOW_S:
            if self._renewal is None or self._renewal.done():
                # Nobody's in particular, so it outlasts whoever asked first.
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
        """An answer shows whether the card is right, so under load it is not fetched again."""
        if self._card:
            same = reference == self._card.reference
            self._right_at = max(self._right_at, asked_at) if same else float("-inf")
