"""Run blocking calls with a hard deadline."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import BoundedSemaphore, Thread
from typing import TypeVar

from .errors import StoreUnreachableError

MAX_ABANDONED = 4
"""An abandoned call keeps its thread. With this many, no further call is made."""

Answer = TypeVar("Answer")


class Deadline:
    """Runs blocking calls, and abandons each after `timeout_s` seconds.

    The time limit of a client is mostly for one step, such as one read: a server that sends a
    byte now and then can keep it for ever. So each call has a thread, which is abandoned.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._places = BoundedSemaphore(MAX_ABANDONED)

    def wait_for(self, what: str, call: Callable[[], Answer]) -> Answer:
        """Return or raise what the call does.

        Args:
            what: Names the callee in messages.
            call: Blocks, perhaps for ever.

        Raises:
            StoreUnreachableError: The call took too long.
        """
        if not self._places.acquire(blocking=False):
            raise StoreUnreachableError(f"{what} has still not answered earlier calls.")
        answer: Future[Answer] = Future()

        def run() -> None:
            try:
                answer.set_result(call())
            except BaseException as error:
                answer.set_exception(error)
            finally:
                self._places.release()

        try:
            # A daemon: it keeps no process from ending.
            Thread(target=run, name="model store", daemon=True).start()
        except RuntimeError as error:
            self._places.release()
            raise StoreUnreachableError(f"{what} cannot be called: {error}.") from error
        try:
            return answer.result(self._timeout_s)
        except TimeoutError:
            if answer.done():
                return answer.result()  # which may be a TimeoutError of the call's own
            raise StoreUnreachableError(
                f"{what} did not answer within {self._timeout_s:g} seconds."
            ) from None
