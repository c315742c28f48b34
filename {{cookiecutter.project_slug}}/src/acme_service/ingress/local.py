"""Models in this process: for development, and for the inline placement."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from acme_service.ports import ModelError, ModelOverloadedError

from .calls import time_limit

log = logging.getLogger(__name__)

THREADS = 2
MAX_QUEUED = 64
"""Calls that may wait for a thread; one holds many texts."""


class LocalCalls:
    """Calls an object's methods in threads, so that a long batch leaves the loop free."""

    def __init__(self, name: str, model: object, timeout_s: float) -> None:
        self._name = name
        self._model = model
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=name)
        self._ongoing: set[Future[Any]] = set()

    async def call(self, method: str, *args: Any) -> Any:
        if len(self._ongoing) >= THREADS + MAX_QUEUED:
            raise ModelOverloadedError(f"The {self._name} model is busy.")
        work = self._threads.submit(getattr(self._model, method), *args)
        # A caller may leave before a thread is done; the thread's place is free only then.
        self._ongoing.add(work)
        work.add_done_callback(self._ongoing.discard)
        try:
            async with time_limit(self._timeout_s, self._name):
                return await asyncio.wrap_future(work)
        except ModelError:
            raise
        except Exception as error:
            raise self._failure(error) from error

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
