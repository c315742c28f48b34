"""Keeps one caller from taking what all of them share."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .errors import ModelError, TooManyStreamsError

caller_of_request: ContextVar[Callable[[], str]] = ContextVar("caller_of_request")
"""Names the caller of the request that is being answered. It is called late: callers are known
once a guard has authenticated them."""


def current_caller() -> str:
    """Return a name for the caller of the request being answered; "" for an unknown one."""
    name_of = caller_of_request.get(None)
    return name_of() if name_of else ""


class Shares:
    """Counts what each caller has of streams, WebSockets and the like, and refuses more.

    Args:
        most: How many one caller may have at a time.
        of: What is counted, for messages.
        error: Raised for one more than that.
    """

    def __init__(
        self,
        most: int,
        of: str = "open streams",
        error: type[ModelError] = TooManyStreamsError,
    ) -> None:
        self._most = most
        self._of = of
        self._error = error
        self._held: Counter[str] = Counter()

    @contextmanager
    def held(self, caller: str) -> Iterator[None]:
        """Hold one place inside the block.

        Args:
            caller: Its name. An unknown one, "", has no share: all unknown ones would share it.

        Raises:
            ModelError: This caller has as many as it may.
        """
        if not caller:
            yield
            return
        self.take(caller)
        try:
            yield
        finally:
            self.give_back(caller)

    def take(self, caller: str) -> None:
        """Count one more of a known caller, until it is given back.

        Raises:
            ModelError: This caller has as many as it may.
        """
        if self._held[caller] >= self._most:
            raise self._error(
                f"The limit of {self._most} {self._of} for one caller is reached: end one first."
            )
        self._held[caller] += 1

    def give_back(self, caller: str) -> None:
        self._held[caller] -= 1
        if not self._held[caller]:
            del self._held[caller]
