"""Models in this process: for development, and for the inline placement."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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
        self._ongoing = 0

    async def call(self, method: str, *args: Any) -> Any:
        if self._ongoing >= THREADS + MAX_QUEUED:
            raise ModelOverloadedError(f"The {self._name} model is busy.")
        self._ongoing += 1
        loop = asyncio.get_running_loop()
        work = partial(getattr(self._model, method), *args)
        try:
            async with time_limit(self._timeout_s, self._name):
                return await loop.run_in_executor(self._threads, work)
        except ModelError:
            raise
        except Exception as error:
            raise self._failure(error) from error
        finally:
            self._ongoing -= 1

    async def stream(self, method: str, *args: Any) -> AsyncIterator[Any]:
        try:
            async for answer in getattr(self._model, method)(*args):
                yield answer
        except ModelError:
            raise
        except Exception as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> ModelError:
        log.error("the %s model failed", self._name, exc_info=error)
        return ModelError(f"The {self._name} model failed.")
