"""The deployment around any model.

Slow calls run in a thread, so that the replica goes on taking requests and answering health
checks. Quick ones run in the event loop: a thread would take longer than the work. Which it is
follows from how long the last calls took.
"""

import asyncio
import inspect
import logging
import math
import os
import re
import sys
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
    Set,
    Sized,
)
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from threading import Thread
from time import perf_counter
from typing import Any, NamedTuple

from servekit.chunks import MAX_CHUNK_BYTES
from servekit.contracts import (
    CHAMPION,
    Contract,
    Meter,
    ModelCard,
    ModelError,
    ModelOverloadedError,
    ModelReplacedError,
    ModelTimeoutError,
    ModelUnavailableError,
    NullMeter,
    Prediction,
    is_reference,
    not_finite,
)
from servekit.contracts.request_id import waiting_contexts
from servekit.logs import configure_logging
from servekit.registry.errors import ModelStoreError
from servekit.registry.golden import check_examples, check_golden
from servekit.registry.iterate import Contained, iterate_in_thread
from servekit.registry.settings import StoreSettings
from servekit.registry.sources.folder import folder
from servekit.registry.sources.source import SourceKind
from servekit.registry.version_files import ModelFiles
from servekit.registry.versions import Versions

from .batcher import Batcher
from .chunks import Chunked, Whole
from .finite_answers import FiniteAnswers
from .pace import ALONE_S, QUICK_S, Pace, ThreadCalls
from .replica_context import in_replica, replicas_request_ids
from .settings import BatcherSettings
from .sizes import size_bytes

log = logging.getLogger(__name__)

LOOK_S = 3.0
"""How long a request for a version that is not loaded waits for a poll of the store: another
replica has it, and a version may take minutes to arrive."""

THREADS = 4
"""Calls to one model that run at once in one process."""

MAX_RETRIES = 64
"""Calls that find the items at which a batch failed: for one among 256 items it takes 16."""

VERSION = re.compile(r"[A-Za-z0-9._+-]{0,64}")
"""A version that fits into a header, a key and a reference."""

OUT_OF_MEMORY = re.compile(
    r"out of memory|failed to allocate memory|\bOOM when allocating", re.IGNORECASE
)
"""What libraries say of memory that they did not get."""

KNOWN = (
    ModelOverloadedError,
    ModelReplacedError,
    ModelTimeoutError,
    ModelUnavailableError,
    ModelError,
)

NOT_OF_AN_ITEM = (
    ModelOverloadedError,
    ModelReplacedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
"""What no other batch of the same items would end."""

JOINED = 64
"""Calls of at most so many items are joined with others; larger ones have a thread of their own,
so that no other request waits for a batch of hundreds."""

JOINED_WINDOW = 0.15
"""How long they stay open, as a share of the time of a call: longer than those of the callers, so
that what several of these send meets here."""

MAX_WHOLE_S = 2 * QUICK_S
"""How long streams may keep the event loop from other calls."""

Answers = list[Prediction[Any] | ModelError]
"""One for each item, in order; an error for an item at which the model failed."""


def imported(name: str, path: str, *methods: str) -> Any:
    """Import the class of a model.

    Args:
        name: Of the model, for messages.
        path: Where the class is, "package.module:Class".
        methods: What the class has to have.

    Raises:
        ModelStoreError: There is no such class, or it lacks a method.
    """
    module, _, attribute = path.partition(":")
    what = f"The class of the {name} model, {path!r},"
    try:
        kind = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if not (error.name and f"{module}.".startswith(f"{error.name}.")):
            raise
        raise ModelStoreError(f"{what} cannot be imported: there is no such module.") from None
    except AttributeError:
        raise ModelStoreError(f"{what} is not defined in its module.") from None
    if missing := [method for method in methods if not callable(getattr(kind, method, None))]:
        raise ModelStoreError(f"{what} has no method {missing[0]}.")
    return kind


def checked_load(contract: Contract, path: str) -> Callable[[ModelFiles], Any]:
    """The `load` of a class, which holds each version to its golden examples besides.

    A version without a manifest has none: the `golden` of its class count instead.

    Raises ModelStoreError when there is no such class.
    """
    kind = imported(contract.name, path, "load", "predict")

    def load(files: ModelFiles) -> Any:
        model = kind.load(files)
        if files.has_no_manifest:
            check_examples([*getattr(kind, "golden", ())], contract, model)
        else:
            check_golden(files, contract, model)
        return model

    return load


def files_of(contract: Contract, path: str) -> tuple[str, ...]:
    """Return the `files` of a class: what it takes from versions without a manifest.

    Raises:
        ModelStoreError: They are no tuple of patterns.
    """
    files = getattr(imported(contract.name, path), "files", ())
    if not isinstance(files, list | tuple) or not all(
        isinstance(one, str) and one for one in files
    ):
        raise ModelStoreError(f"The `files` of {path!r} must be a tuple of file names or patterns.")
    return tuple(files)


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether there was no memory left: of the process, or of a GPU as a library says it.

    Those of GPUs have no class in common: PyTorch and CuPy raise an OutOfMemoryError, ONNX Runtime
    and TensorFlow say so in the message.
    """
    named = type(error).__name__ == "OutOfMemoryError"
    return isinstance(error, MemoryError) or named or bool(OUT_OF_MEMORY.search(str(error)))


def ids_of(items: Sequence[Any]) -> Sequence[str]:
    """Return the id of the request of each item in the current call; "" where it is not known."""
    ids = replicas_request_ids()
    return ids if len(ids) == len(items) else [ids[0] if len(ids) == 1 else ""] * len(items)


class Assigned(NamedTuple):
    """An item, the model that answers it, and the id of its request."""

    reference: str
    model: Any
    item: Any
    request_id: str = ""


class ModelDeployment(Chunked):
    """Serves a model without versions in the store: a library's own, or one made in code.

    Its class takes no arguments, or has a class method `load` without any. It has `predict`, which
    takes items and returns one answer each, in order. It may have `stream`, which yields the
    answers to one item piece by piece, a `version` (a string), `facts` for its card, and `golden`,
    examples that it has to answer before it serves.

    contract: of the model.
    model: where its class is, "package.module:Class".
    in_background: whether a thread loads it, so that nothing waits for it but the first calls.
    """

    def __init__(self, contract: Contract, model: str, *, in_background: bool = False) -> None:
        self._prepare(contract, model)
        self._model: Future[Any] = Future()
        # A call that is cancelled while it waits must not cancel what the others wait for.
        self._model.set_running_or_notify_cancel()
        if in_background:
            Thread(target=self._load_or_log, name=contract.name, daemon=True).start()
        else:
            self._model.set_result(self._loaded())

    def _prepare(self, contract: Contract, model: str) -> None:
        self._path = model
        if in_replica():
            package = self._path.partition(".")[0]
            level = os.environ.get("API_LOG_LEVEL", "INFO")
            configure_logging(level, package, replicas_request_ids)
        self._name = name = contract.name
        self._contract = contract
        self._finite = FiniteAnswers(contract.output)
        self._pace, self._stream_pace = Pace(), Pace()
        # Its own threads: a model that is stuck takes none from another one.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=name)
        self._calls = ThreadCalls(self._threads)
        # Serve bounds how many calls wait here; items of one that it took are never refused.
        bounds = {"max_in_flight": THREADS, "max_waiting": sys.maxsize}
        settings = BatcherSettings.load().model_copy(update=bounds)
        self._joined: Batcher[Assigned, Prediction[Any]] = Batcher(
            name,
            self._predict_joined,
            lambda one: size_bytes(one.item),
            settings,
            NullMeter(),
            window=JOINED_WINDOW,
            takes_turns=True,
        )
        self._awaits = False

    def _loaded(self) -> Any:
        kind = imported(self._name, self._path, "predict")
        model = kind.load() if hasattr(kind, "load") else kind()
        version = getattr(model, "version", "")
        if not (isinstance(version, str) and VERSION.fullmatch(version)):
            raise ModelStoreError(f"The {self._name} model cannot have the version {version!r}.")
        # Its first call, which is often the slowest, is no caller's.
        check_examples([*getattr(kind, "golden", ())], self._contract, model)
        return model

    def _load_or_log(self) -> None:
        try:
            self._model.set_result(self._loaded())
        except BaseException:
            # Even `sys.exit` must not leave calls waiting for ever.
            log.exception("the %s model could not be loaded", self._name)
            self._model.set_result(None)

    async def predict_batch(self, items: Sequence[Any], versions: Sequence[str]) -> Answers:
        """Return one answer for each item, in order, each by the version asked of it."""
        held = await self._held({*versions})
        takes_turns = self._takes_turns([model for _, model in held.values()], items)
        if len(held) == 1 and not takes_turns:
            [(reference, model)] = held.values()
            return await self._predict(reference, model, items)
        asked = [
            Assigned(*held[version], item, request_id)
            for item, version, request_id in zip(items, versions, ids_of(items), strict=True)
        ]
        if not takes_turns:
            return await self._predict_asked(asked)
        answers = await self._joined.ask_all(asked)
        return [one if isinstance(one, Prediction) else self._failure(one) for one in answers]

    def _takes_turns(self, models: Sequence[Any], items: Sequence[Any]) -> bool:
        """Whether a call waits for others: quick ones do not, nor what waits for something else."""
        if not 0 < len(items) <= JOINED:
            return False
        is_async = self._awaits or inspect.iscoroutinefunction(models[0].predict)
        return not is_async and not self._pace.is_quick(size_bytes(items))

    async def _predict_joined(self, asked: Sequence[Assigned]) -> Answers:
        """Answer items of several calls, in the context of the first: its trace, its request."""
        context = waiting_contexts.get()[0].copy()
        predicting = self._predict_asked(asked)
        return await asyncio.get_running_loop().create_task(predicting, context=context)

    async def _predict_asked(self, asked: Sequence[Assigned]) -> Answers:
        """Return one answer for each item, in order, each by its own version."""
        places: dict[str, list[int]] = {}
        for place, one in enumerate(asked):
            places.setdefault(one.reference, []).append(place)
        answers: dict[int, Prediction[Any] | ModelError] = {}
        for reference, own in places.items():
            items = [asked[place].item for place in own]
            ids = [asked[place].request_id for place in own]
            found = await self._predict(reference, asked[own[0]].model, items, ids)
            answers |= zip(own, found, strict=True)
        return [answers[place] for place in range(len(asked))]

    def quick_predict_batch(self, items: Sequence[Any], versions: Sequence[str]) -> Answers | None:
        """Return the same where one loaded model answers all of them quickly, else None."""
        size = size_bytes(items)
        held = self._loaded_now(versions)
        if held is None or not self._pace.is_quick(size):
            return None
        reference, model = held
        try:
            values, seconds = self._timed(model, items)
            self._pace.took(size, seconds)
            values = self._checked(values, items)
        except Exception:
            return None  # it fails again where failures are looked into
        return self._answers(values, reference)

    async def predict_each(
        self, items: Sequence[Any], version: str
    ) -> AsyncIterator[Prediction[Any]]:
        """Yield one answer for each item, in order, as soon as it is there, all by one version."""
        [(reference, model)] = (await self._held({version})).values()
        if inspect.iscoroutinefunction(model.predict):
            for item in items:
                [answer] = await self._predict(reference, model, [item])
                if isinstance(answer, ModelError):
                    raise answer
                yield answer
            return
        each = (value for item in items for value in self._called(model, [item]))
        async for value in self._guarded(iterate_in_thread(each, self._threads)):
            yield self._prediction(value, reference)

    async def stream(self, item: Any, version: str) -> AsyncIterator[Prediction[Any]]:
        """Yield the answers to one item, piece by piece."""
        [(reference, model)] = (await self._held({version})).values()
        values = model.stream(item)
        if not isinstance(values, AsyncIterator):
            values = iterate_in_thread(iter(values), self._threads)
        async for value in self._guarded(values):
            yield self._prediction(value, reference)

    async def whole_streams(self, items: Sequence[Any], versions: Sequence[str]) -> list[Whole]:
        """Return all pieces of each stream that is short and quick, and None of any other.

        Those have to be streamed. Whole streams travel in batches, as single answers do.
        """
        held = await self._held({*versions})
        until = perf_counter() + MAX_WHOLE_S
        left_bytes = MAX_CHUNK_BYTES
        streams: list[Whole] = []
        for item, version in zip(items, versions, strict=True):
            if perf_counter() > until:
                await asyncio.sleep(0)  # a turn for other calls
                until = perf_counter() + MAX_WHOLE_S
            pieces = await self._whole(*held[version], item)
            if (taken := size_bytes(pieces)) > left_bytes:
                pieces, taken = None, 0
            left_bytes -= taken
            streams.append(pieces)
        return streams

    async def _whole(self, reference: str, model: Any, item: Any) -> Whole:
        size, pace = size_bytes(item), self._stream_pace
        if pace.is_quick(size):
            pieces, seconds = self._whole_timed(reference, model, item)
            pace.took(size, seconds)
            return pieces
        if not pace.is_due(size):
            return None
        try:
            async with asyncio.timeout(ALONE_S + 2 * MAX_WHOLE_S):
                return await self._calls.alone(
                    pace, size, self._whole_timed, reference, model, item
                )
        except TimeoutError:
            pace.tried(size, MAX_WHOLE_S)
            return None

    def _whole_timed(self, reference: str, model: Any, item: Any) -> tuple[Whole, float]:
        """Return all pieces, if they are there in time, and the seconds that this took."""
        values: list[Any] = []
        began = perf_counter()
        try:
            with Contained():
                for value in model.stream(item):
                    values.append(value)
                    if perf_counter() - began > MAX_WHOLE_S:
                        return None, MAX_WHOLE_S
            pieces = self._answers(values, reference)
        except Exception:
            pieces = [ModelError()]
        predictions = [one for one in pieces if not isinstance(one, ModelError)]
        if len(predictions) < len(pieces):
            return None, MAX_WHOLE_S  # it fails again where failures are looked into
        return predictions, perf_counter() - began

    async def _guarded(self, values: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Yield the values; raise any error as a ModelError that callers may see."""
        try:
            with Contained():
                async for value in values:
                    yield value
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task and task.cancelling():
                raise
            # Of a task of the model's own: the caller waits on.
            raise self._failure(RuntimeError(f"It raised {error!r}.")) from None
        except Exception as error:
            raise self._failure(error) from None

    async def card(self, version: str = CHAMPION) -> ModelCard:
        [(reference, model)] = (await self._held({version})).values()
        number = reference.partition(":")[2]
        facts = getattr(model, "facts", {})
        return ModelCard(
            self._name, number, facts if isinstance(facts, Mapping) else {}, self._note()
        )

    def close(self) -> None:
        """Release the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _note(self) -> str:
        return ""

    async def _held(self, wanted: Collection[str]) -> Mapping[str, tuple[str, Any]]:
        """Return the reference and the model of each wanted version."""
        if not self._model.done():
            await asyncio.wrap_future(self._model)
        model = self._model.result()
        if model is None:
            raise ModelUnavailableError(f"The {self._name} model could not be loaded.")
        reference = self._reference(model)
        if any(is_reference(one) and one != reference for one in wanted):
            raise self._replaced()
        return dict.fromkeys(wanted, (reference, model))

    def _loaded_now(self, wanted: Sequence[str]) -> tuple[str, Any] | None:
        """Return the reference and the model, if it is loaded and one for all that is wanted."""
        model = self._model.result() if self._model.done() else None
        if model is None or any(wanted):
            return None
        return self._reference(model), model

    def _reference(self, model: Any) -> str:
        version = getattr(model, "version", "")
        return f"{self._name}:{version}" if version else self._name

    def _replaced(self) -> ModelReplacedError:
        return ModelReplacedError(f"The version of the {self._name} model was replaced meanwhile.")

    async def _predict(
        self, reference: str, model: Any, items: Sequence[Any], ids: Sequence[str] = ()
    ) -> Answers:
        """Return one answer for each item; an item at which the model fails, fails alone.

        A batch that fails is tried again in halves, down to what it failed at.

        Args:
            reference: Of the version.
            model: That one.
            items: What it is asked.
            ids: Of their requests, for the log; by default those of the current call.
        """
        left = MAX_RETRIES

        async def predict(some: Sequence[Any], first: int) -> Answers:
            nonlocal left
            try:
                values = await self._values(model, some)
            except Exception as error:
                half = len(some) // 2
                if isinstance(error, NOT_OF_AN_ITEM) or half == 0 or left < 2:
                    failed = (ids or ids_of(items))[first : first + len(some)]
                    failure = self._failure(error, failed)
                    return [type(failure)(*failure.args) for _ in some]
                left -= 2
                log.warning("a batch of %d for %s failed: %r", len(some), reference, error)
                answers = await predict(some[:half], first)
                return [*answers, *await predict(some[half:], first + half)]
            return self._answers(values, reference)

        return await predict(items, 0)

    def _answers(self, values: Sequence[Any], reference: str) -> Answers:
        if self._contract.allow_inf_nan or self._finite.surely(values):
            return [Prediction(value, reference) for value in values]
        return [self._prediction_or_error(value, reference) for value in values]

    def _prediction_or_error(self, value: Any, reference: str) -> Prediction[Any] | ModelError:
        try:
            return self._prediction(value, reference)
        except ModelError as error:
            return error

    def _prediction(self, value: Any, reference: str) -> Prediction[Any]:
        """Raises ModelError for a value that JSON could not carry, and would say is null."""
        way = None if self._contract.allow_inf_nan else not_finite(value)
        if way is None:
            return Prediction(value, reference)
        where = ".".join(map(str, way)) or "the value itself"
        log.error("an answer of %s is not a finite number: %s", reference, where)
        raise ModelError(f"The {self._name} model failed.")

    def _failure(self, error: BaseException, ids: Sequence[str] = ()) -> ModelError:
        """Return an error that callers may see, and that crosses process boundaries.

        A new instance of a class of the kit: a model may raise the same instance again and again,
        or one that cannot be pickled.

        Args:
            error: What the model has raised.
            ids: Of the requests that it fails, if they are fewer than those of the call.
        """
        for kind in KNOWN:
            if isinstance(error, kind):
                return kind(str(error))
        extra = {"request_id": ids[0]} if len({*ids}) == 1 and ids[0] else None
        log.error("the %s model failed", self._name, exc_info=error, extra=extra)
        if _is_out_of_memory(error):
            # Of one item: a batch has been tried in halves, which need less.
            return ModelUnavailableError(f"The {self._name} model ran out of memory.")
        return ModelError(f"The {self._name} model failed.")

    async def _values(self, model: Any, items: Sequence[Any]) -> Sequence[Any]:
        if inspect.iscoroutinefunction(model.predict):
            return self._checked(await self._awaited(model.predict(items)), items)
        size = size_bytes(items)
        if self._pace.is_quick(size):
            values, seconds = self._timed(model, items)
            # A call that failed says nothing about how long others take.
            self._pace.took(size, seconds)
        else:
            values = await self._calls.call(self._pace, size, self._timed, model, items)
        if inspect.isawaitable(values):
            self._awaits = True
            return self._checked(await self._awaited(values), items)
        return self._checked(values, items)

    def _timed(self, model: Any, items: Sequence[Any]) -> tuple[Any, float]:
        """Return what a call returns, and its seconds without the way to a thread and back."""
        began = perf_counter()
        values = self._called(model, items)
        # What has to be awaited has not been called yet.
        return values, math.inf if inspect.isawaitable(values) else perf_counter() - began

    def _called(self, model: Any, items: Sequence[Any]) -> Any:
        with Contained():
            return model.predict(items)

    async def _awaited(self, values: Awaitable[Any]) -> Any:
        with Contained():
            return await values

    def _checked(self, values: Any, items: Sequence[Any]) -> Sequence[Any]:
        """Return the values, if they are a sequence with one for each item."""
        if isinstance(values, str | bytes | Mapping | Set) or not isinstance(values, Sized):
            kind = type(values).__name__
            raise TypeError(f"predict gave a {kind}, not a sequence of answers")
        if len(values) != len(items):
            raise ValueError(f"predict gave {len(values)} answers to {len(items)} items")
        return values  # type: ignore[return-value]


class VersionedDeployment(ModelDeployment):
    """Serves the versions of a model in the store, and swaps them as its aliases move.

    Its class has a class method `load`, which takes the verified files of a version and raises
    when they hold no sound model. A version that fails its golden examples is refused besides.

    contract: of the model; its name is the one in the store.
    model: where its class is, "package.module:Class".
    kinds: of places that `MODEL_STORE` may name.
    meter: makes what counts refused versions; called in the process that holds the model.

    Raises ModelStoreError when the model is missing, damaged or of the wrong shape.
    """

    def __init__(
        self,
        contract: Contract,
        model: str,
        kinds: Sequence[SourceKind] = (folder,),
        meter: Callable[[], Meter] | None = None,
        settings: StoreSettings | None = None,
    ) -> None:
        self._prepare(contract, model)
        self._default = f"{contract.name}@champion"
        settings = settings or StoreSettings.load()
        counter = meter() if meter else None

        def refused() -> None:
            if counter:
                counter.count("model_refused_versions_total", model=contract.name)

        self._versions: Versions[Any] = Versions(
            settings.opened(kinds, files_of(contract, model)),
            self._default,
            checked_load(contract, model),
            settings.refresh_s,
            settings.keep_replaced_s,
            settings.max_replaced,
            refused,
        )

    async def reconfigure(self, user_config: Any) -> None:
        """Serve's `user_config`: `{"reference": "churn:2"}` pins a version, `{}` unpins it.

        What cannot be used is noted on the card, and changes nothing.
        """
        try:
            looked = self._versions.follow(self._followed(user_config))
        except ModelStoreError as error:
            note = f"The user_config of the {self._name} model was refused; it changes nothing."
            self._versions.conditions.set("user_config", note, error)
            return
        self._versions.conditions.clear("user_config")
        await asyncio.wrap_future(looked)

    def close(self) -> None:
        """Stop polling the store."""
        super().close()
        self._versions.close()

    def _note(self) -> str:
        return str(self._versions.conditions)

    async def _held(self, wanted: Collection[str]) -> Mapping[str, tuple[str, Any]]:
        """Return the wanted models, all of one snapshot.

        Raises:
            ModelReplacedError: A version is not loaded, not even after a poll.
        """
        found = dict(self._found(wanted))
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                # Another replica may have seen it first.
                for look in (self._versions.look, self._versions.try_challenger):
                    if len(found) < len(wanted):
                        await asyncio.wrap_future(look())
                        found = dict(self._found(wanted))
        if len(found) < len(wanted):
            raise self._replaced()
        return found

    def _loaded_now(self, wanted: Sequence[str]) -> tuple[str, Any] | None:
        return self._versions.held.find(wanted[0]) if len({*wanted}) == 1 else None

    def _found(self, wanted: Collection[str]) -> Iterator[tuple[str, tuple[str, Any]]]:
        held = self._versions.held
        for version in wanted:
            if (found := held.find(version)) is not None:
                yield version, found

    def _followed(self, user_config: Any) -> str:
        if not isinstance(user_config, Mapping) or user_config.keys() - {"reference"}:
            raise ModelStoreError("The user_config takes one key, reference.")
        reference = user_config.get("reference", self._default)
        if not isinstance(reference, str):
            raise ModelStoreError("The reference in the user_config must be a string.")
        return reference
