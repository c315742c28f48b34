"""Calls models in this process, for development and the inline placement."""

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from servekit.contracts import ModelError, ModelOverloadedError

from .transport import time_limit

log = logging.getLogger(__name__)

THREADS = 2
MAX_QUEUED = 64
"""Calls that may wait for a thread; each holds many items."""


class InProcessTransport:
    """Calls the methods of an object as Serve would: `def` methods run in threads.

    Where it has a `quick_predict_batch` beside its `predict_batch`, that one is asked first: it
    answers at once, or returns None. A task for each call would cost more than a quick model.
    """

    def __init__(self, name: str, model: object, timeout_s: float) -> None:
        self._name = name
        self._model = model
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=name)
        self._ongoing: set[asyncio.Future[Any]] = set()

    def quick_call(self, method: str, *args: Any) -> Any:
        """Return the answer where it is there without waiting, else None."""
        quick = getattr(self._model, f"quick_{method}", None)
        return quick(*args) if quick else None

    async def call(self, method: str, *args: Any) -> Any:
        answer = self.quick_call(method, *args)
        return await self.slow_call(method, *args) if answer is None else answer

    async def slow_call(self, method: str, *args: Any) -> Any:
        """Call a method that has no quick answer."""
        if len(self._ongoing) >= THREADS + MAX_QUEUED:
            raise ModelOverloadedError(f"The {self._name} model is busy.")
        queued, work = self._begin(getattr(self._model, method), *args)
        self._ongoing.add(work)
        work.add_done_callback(self._ended)
        try:
            async with time_limit(self._timeout_s, self._name):
                # A caller may leave before a thread is done; its place is free only then.
                return await asyncio.shield(work)
        except ModelError:
            raise
        except Exception as error:
            raise self._failure(error) from error
        finally:
            # A queued call without a caller is dropped: those behind it would wait for it.
            if queued:
                queued.cancel()

    def _begin(
        self, method: Callable[..., Any], *args: Any
    ) -> tuple[Future[Any] | None, asyncio.Future[Any]]:
        """Start a call; return its place in the queue, if it needs a thread, and its result."""
        if inspect.iscoroutinefunction(method):
            return None, asyncio.ensure_future(method(*args))
        queued = self._threads.submit(method, *args)
        return queued, asyncio.wrap_future(queued)

    def _ended(self, work: asyncio.Future[Any]) -> None:
        self._ongoing.discard(work)
        if not work.cancelled():
            work.exception()  # retrieved, in case no caller waits for it any longer

    async def stream(self, method: str, *args: Any) -> AsyncGenerator[Any, None]:
        answers = aiter(getattr(self._model, method)(*args))
        try:
            while True:
                async with time_limit(self._timeout_s, self._name):
                    answer = await anext(answers)
                yield answer
        except StopAsyncIteration:
            return
        except ModelError:
            raise
        except Exception as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> ModelError:
        log.error("the %s model failed", self._name, exc_info=error)
        return ModelError(f"The {self._name} model failed.")
