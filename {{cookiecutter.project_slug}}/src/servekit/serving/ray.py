"""Calls models in other processes, and translates Ray's errors and cancellations."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any

import grpc
from ray.exceptions import RayActorError, RayTaskError, TaskCancelledError
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    ReplicaUnavailableError,
    RequestCancelledError,
)
from ray.serve.handle import DeploymentHandle

from servekit.contracts import (
    ModelError,
    ModelOverloadedError,
    ModelUnavailableError,
)

from .replica_context import pass_request_ids
from .replica_watch import ReplicaWatch
from .transport import time_limit

log = logging.getLogger(__name__)

AWAY = (
    RayActorError,
    TaskCancelledError,
    DeploymentUnavailableError,
    ReplicaUnavailableError,
    RequestCancelledError,
)
"""What Ray raises when no replica answers: one died, or stopped in the middle."""


def is_gone(error: BaseException) -> bool:
    """Whether the other side of a gRPC call went away; Ray passes some of these on unchanged."""
    codes = {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE}
    return isinstance(error, grpc.aio.AioRpcError) and error.code() in codes


class RayTransport:
    """Calls a deployment's methods through its handle.

    A call whose replica died is made once more: models have no side effects. Calls do not wait for
    a replica where there is none. Of a method that streams, its `_chunks` are asked for.

    Messages are pickled by Python's own pickler, many times as fast as Ray's, which supports
    lambdas and local classes.
    """

    def __init__(self, name: str, handle: DeploymentHandle[Any], timeout_s: float) -> None:
        self._name = name
        self._handle = handle
        self._methods: dict[tuple[str, bool], DeploymentHandle[Any]] = {}
        self._timeout_s = timeout_s
        self._watch = ReplicaWatch()

    async def call(self, method: str, *args: Any) -> Any:
        pass_request_ids()
        async with time_limit(self._timeout_s, self._name):
            try:
                return await self._answer(method, *args)
            except RayActorError:
                pass
            try:
                return await self._answer(method, *args)
            except RayActorError as error:
                raise self._translated(error) from None

    def _method(self, name: str, *, stream: bool = False) -> Any:
        # Made when first called: a handle finds its replicas from the event loop it is used in.
        if (name, stream) not in self._methods:
            self._methods[name, stream] = self._handle.options(
                method_name=name,
                stream=stream,
                request_serialization="pickle",
                response_serialization="pickle",
            )
        return self._methods[name, stream]

    async def _answer(self, method: str, *args: Any) -> Any:
        response = None
        try:
            handle = self._method(method)
            response = handle.remote(*args)
            with self._watch.over(handle, response):
                return await response
        except asyncio.CancelledError:
            # Leaving the wait does not stop the call: Ray has to be told.
            if response is not None:
                response.cancel()
            self._raise_unless_cancelled_here()
            raise
        except RayActorError:
            raise
        except Exception as error:
            raise self._translated(error) from None

    async def stream(self, method: str, *args: Any) -> AsyncGenerator[Any, None]:
        answers = None
        try:
            handle = self._method(f"{method}_chunks", stream=True)
            answers = handle.remote(*args)
            while True:
                async with time_limit(self._timeout_s, self._name):
                    with self._watch.over(handle, answers):
                        chunk = await anext(answers)
                for answer in chunk:
                    yield answer
        except StopAsyncIteration:
            return
        except asyncio.CancelledError:
            self._raise_unless_cancelled_here()
            raise
        except Exception as error:
            raise self._translated(error) from None
        finally:
            if answers is not None:
                answers.cancel()

    def _raise_unless_cancelled_here(self) -> None:
        # A cancellation on the other side arrives as CancelledError too, without a request to
        # cancel this task.
        task = asyncio.current_task()
        if task is None or not task.cancelling():
            raise ModelUnavailableError(f"The {self._name} model stopped.") from None

    def _translated(self, error: Exception) -> ModelError:
        cause = error.cause if isinstance(error, RayTaskError) else error
        if isinstance(cause, ModelError):
            return cause
        if isinstance(cause, BackPressureError):
            return ModelOverloadedError(f"The {self._name} model is busy.")
        if isinstance(cause, AWAY) or is_gone(cause):
            log.warning("the %s model is unavailable: %s", self._name, type(cause).__name__)
            return ModelUnavailableError(f"The {self._name} model is not available.")
        # The remote traceback is for the log alone: it names processes and addresses.
        log.error("the %s model failed", self._name, exc_info=error)
        return ModelError(f"The {self._name} model failed.")
