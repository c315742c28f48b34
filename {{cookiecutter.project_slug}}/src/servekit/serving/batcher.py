"""Dynamic batching: concurrent requests for one item each become few calls for many.

A call to another process costs as much for thirty items as for one. Requests that arrive while
calls are in flight wait in a queue; when a slot is free, all that fit travel together. A lone
request finds a free slot and is not delayed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from servekit.contracts import (
    Meter,
    ModelError,
    ModelOverloadedError,
    ModelUnavailableError,
)
from servekit.contracts.request_id import waiting_contexts

from .batch_window import BatchWindow
from .settings import BatcherSettings
from .transport import timeout_error

log = logging.getLogger(__name__)

MAX_CALL_BYTES = 1024 * 1024
"""Far enough under the 4 MiB that gRPC between deployments takes."""

WINDOW = 0.05
"""How long a batch may stay open, as a share of the time that calls take."""

LONG_S = 0.1
"""Calls that take longer, and several times as long as others, may be overtaken."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class _Queued(NamedTuple, Generic[Item]):
    """One queued item, its size, and the context of its request."""

    item: Item
    context: Context
    size_bytes: int


@dataclass(eq=False)
class _Call(Generic[Item, Answer]):
    """One call in flight, and the requests that wait for it."""

    waiting: dict[asyncio.Future[Answer], _Queued[Item]]
    began: float
    answered: bool = False
    task: asyncio.Task[None] | None = None


class Batcher(Generic[Item, Answer]):
    """Batches concurrent single requests into calls for many.

    Args:
        model: Name of the model, for messages and metrics.
        call: Takes items, and returns one answer each, in order, or a ModelError for an item that
            fails alone. Raises ModelError.
        size_bytes: Estimates the size of an item in a call, in bytes.
        settings: Limits of the queue, of calls and of time.
        meter: Counts refused requests.
        quick_call: The same for what is answered without waiting, and None for what is not. A task
            costs more than a quick model.
        window: How long a batch may stay open, as a share of the time that calls take.
        takes_turns: Whether one call waits for the other, as on an accelerator, so that what waits
            is better asked together; one that takes very long is overtaken.
    """

    def __init__(
        self,
        model: str,
        call: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | ModelError]]],
        size_bytes: Callable[[Item], int],
        settings: BatcherSettings,
        meter: Meter,
        *,
        quick_call: Callable[[Sequence[Item]], Sequence[Answer | ModelError] | None] | None = None,
        window: float = WINDOW,
        takes_turns: bool = False,
    ) -> None:
        self._model = model
        self._call = call
        self._size_bytes = size_bytes
        self._settings = settings
        self._meter = meter
        self._quick_call = quick_call
        self._window = BatchWindow(window)
        self._takes_turns = takes_turns
        self._waiting: dict[asyncio.Future[Answer], _Queued[Item]] = {}
        self._calls: dict[asyncio.Future[Answer], _Call[Item, Answer]] = {}
        self._in_flight: set[_Call[Item, Answer]] = set()
        self._scheduled = False
        self._opened_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadlines: dict[asyncio.Future[Answer], float] = {}
        """When each request is late, the earliest first."""
        self._timed_in: asyncio.AbstractEventLoop | None = None
        """The event loop with a timer for the earliest of them."""

    async def ask(self, item: Item) -> Answer:
        """Return the answer to one item.

        Raises:
            ModelOverloadedError: The queue is full.
            ModelTimeoutError: The answer took too long.
            ModelError: Raised by `call`.
        """
        answer = self._queued(item, asyncio.get_running_loop())
        try:
            return await answer
        finally:
            self._forget(answer)

    async def ask_all(self, items: Sequence[Item]) -> list[Answer | BaseException]:
        """Return an answer or an error for each item, in order.

        Raises:
            ModelOverloadedError: The queue is full.
        """
        loop = asyncio.get_running_loop()
        asked: list[asyncio.Future[Answer]] = []
        try:
            asked.extend(self._queued(item, loop) for item in items)
            return await asyncio.gather(*asked, return_exceptions=True)
        finally:
            for answer in asked:
                answer.cancel()  # unless it is there
                self._forget(answer)

    def _queued(self, item: Item, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Answer]:
        if len(self._waiting) >= self._settings.max_waiting:
            self._meter.count("model_refused_total", model=self._model)
            raise ModelOverloadedError(f"The {self._model} model is busy.")
        answer: asyncio.Future[Answer] = loop.create_future()
        # Estimated here: an item that cannot be is an error of its own request alone.
        self._waiting[answer] = _Queued(item, copy_context(), self._size_bytes(item))
        self._schedule(loop)
        self._deadlines[answer] = loop.time() + self._settings.timeout_s
        if self._timed_in is not loop:
            self._give_up_late(loop)
        return answer

    def _forget(self, answer: asyncio.Future[Answer]) -> None:
        self._deadlines.pop(answer, None)
        if answer.cancelled():
            self._leave(answer)
        self._calls.pop(answer, None)

    def _give_up_late(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give up late requests, and set the timer for the next one.

        One timer for all, since all may wait as long: one each costs a busy loop ten times as much.
        """
        now = loop.time()
        for answer, deadline in [*self._deadlines.items()]:
            if deadline > now:
                # A context of its own, like that of calls.
                loop.call_at(deadline, self._give_up_late, loop, context=Context())
                self._timed_in = loop
                return
            if not answer.done():
                answer.set_exception(timeout_error(self._model))
                self._leave(answer)
        self._timed_in = None

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        # At the end of this turn of the loop, so that requests read in one turn go together.
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._dispatch, context=Context())

    def _dispatch(self) -> None:
        self._scheduled = False
        if self._timer:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while self._waiting and len(self._in_flight) < self._settings.max_in_flight:
            now = loop.time()
            if (leaves_at := self._leaves_at(now)) > now:
                # A context of its own, like that of calls.
                self._timer = loop.call_at(leaves_at, self._dispatch, context=Context())
                return
            self._opened_at = None
            call = _Call(self._next_batch(), now)
            # A context of its own: Serve would otherwise take the call for a part of the
            # request that happened to start it, and cancel it when that client hangs up.
            context = Context()
            context.run(waiting_contexts.set, [one.context for one in call.waiting.values()])
            if context.run(self._answered_quickly, call):
                self._window.ended(loop.time() - now, self._asking())
                if self._waiting:
                    self._schedule(loop)
                return
            self._in_flight.add(call)
            self._calls |= dict.fromkeys(call.waiting, call)
            call.task = loop.create_task(self._run(call), context=context)
            call.task.add_done_callback(lambda _, call=call: self._ended(call))

    def _leaves_at(self, now: float) -> float:
        """Return when the next call may leave."""
        if self._takes_turns and self._in_flight:
            last = max(call.began for call in self._in_flight)
            overtakes_at = last + max(LONG_S, 4 * self._window.call_s)
            if overtakes_at > now:
                return overtakes_at
        if self._opened_at is None:
            self._opened_at = now
        return self._opened_at + self._window.open_s(self._asking())

    def _asking(self) -> int:
        """How many requests wait for an answer."""
        return len(self._waiting) + sum(len(call.waiting) for call in self._in_flight)

    def _next_batch(self) -> dict[asyncio.Future[Answer], _Queued[Item]]:
        batch: dict[asyncio.Future[Answer], _Queued[Item]] = {}
        total_bytes = 0
        for answer, asked in self._waiting.items():
            total_bytes += asked.size_bytes
            if batch and (len(batch) >= self._settings.max_items or total_bytes > MAX_CALL_BYTES):
                break
            batch[answer] = asked
        for answer in batch:
            del self._waiting[answer]
        return batch

    def _answered_quickly(self, call: _Call[Item, Answer]) -> bool:
        if self._quick_call is None:
            return False
        try:
            answers = self._quick_call([one.item for one in call.waiting.values()])
            if answers is not None:
                self._answer(call, answers)
        except Exception:
            return False  # it fails again where failures are looked into
        return answers is not None

    def _answer(self, call: _Call[Item, Answer], answers: Sequence[Answer | ModelError]) -> None:
        # Paired before any request is answered: with a wrong number of answers, none is.
        for waiting, answer in list(zip(call.waiting, answers, strict=True)):
            if waiting.done():
                continue
            if isinstance(answer, ModelError):
                # It fails alone: the others of its batch are answered.
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)

    async def _run(self, call: _Call[Item, Answer]) -> None:
        items = [one.item for one in call.waiting.values()]
        try:
            answers = await self._call(items)
            call.answered = True
            self._answer(call, answers)
        except ModelError as error:
            self._fail(call, error)
        except Exception:
            log.exception("the call to the %s model failed", self._model)
            self._fail(call, ModelError(f"The {self._model} model failed."))

    def _ended(self, call: _Call[Item, Answer]) -> None:
        # A callback, not a `finally`: a call cancelled before its first step never runs one.
        loop = asyncio.get_running_loop()
        # One that failed or was cancelled says nothing about how long others take.
        took_s = loop.time() - call.began if call.answered else None
        self._window.ended(took_s, self._asking())
        self._in_flight.discard(call)
        # Answered by now, unless the call was cancelled from outside.
        self._fail(call, ModelUnavailableError(f"The {self._model} model stopped."))
        if self._waiting:
            self._schedule(loop)

    def _fail(self, call: _Call[Item, Answer], error: ModelError) -> None:
        for waiting in call.waiting:
            if not waiting.done():
                # A new instance for each raise: an error collects the traceback of every raise.
                waiting.set_exception(type(error)(*error.args))

    def _leave(self, answer: asyncio.Future[Answer]) -> None:
        """Leave the queue; a call that no request waits for any longer is cancelled."""
        self._waiting.pop(answer, None)
        call = self._calls.get(answer)
        if call and call.task and all(waiting.done() for waiting in call.waiting):
            call.task.cancel()
