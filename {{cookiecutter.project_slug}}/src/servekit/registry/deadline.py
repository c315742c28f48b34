"""Run blocking calls with a hard deadline."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import BoundedSemaphore, Thread
from typing import TypeVar

from .errors import StoreUnreachableError

MAX_ABANDONED = 4
"""A call that nobody waits for any longer keeps its thread. Beyond so many, none is made."""

Answer = TypeVar("Answer")


class Deadline:
    """Waits for a call for so long, and not for a moment longer.

    A client's own time limit is mostly for one step, such as one read: a place that sends a
    byte now and then can keep it for ever. So each call has a thread, which is left behind.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._places = BoundedSemaphore(MAX_ABANDONED)

    def wait_for(self, what: str, call: Callable[[], Answer]) -> Answer:
        """What the call returns or raises.

        Raises StoreUnreachableError when it takes too long.
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
            raise StoreUnreachableError(f"{what} cannot be asked: {error}.") from error
        try:
            return answer.result(self._timeout_s)
        except TimeoutError:
            if answer.done():
                return answer.result()  # which may be a TimeoutError of the call's own
            raise StoreUnreachableError(
                f"{what} did not answer within {self._timeout_s:g} seconds."
            ) from None
