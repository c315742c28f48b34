"""The deployment around any model.

What takes long is done in a thread, so that it never keeps the replica from taking requests or
answering health checks. What is quick is done at once: handing it to a thread, and waiting for
that, would take longer than the work. Which it is follows from how long the last calls took.
"""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from importlib import import_module
from threading import Thread
from time import perf_counter
from typing import Any

from servekit.contracts import (
    CHAMPION,
    Meter,
    ModelCard,
    ModelError,
    ModelReplacedError,
    Prediction,
)
from servekit.registry.errors import ModelStoreError
from servekit.registry.iterate import iterate_in_thread
from servekit.registry.settings import StoreSettings
from servekit.registry.sources.folder import folder
from servekit.registry.sources.source import SourceKind
from servekit.registry.versions import Versions

from .sizes import size_bytes

log = logging.getLogger(__name__)

QUICK_S = 0.002
"""A call that is expected to take no longer is made in the event loop."""

LOOK_S = 3.0
"""How long a request that names a version that is not held waits for a look at the store: another
replica holds it, and a version may take minutes to arrive."""

Answers = list[Prediction[Any] | ModelError]
"""One an item, in order. An item at which the model fails has an error in its place."""


def imported(name: str, path: str, *methods: str) -> Any:
    """The class that "package.module:Class" names, for the model called `name`.

    Raises ModelStoreError when there is none, or when it lacks one of the methods.
    """
    module, _, attribute = path.partition(":")
    what = f"The class of the {name} model, {path!r},"
    try:
        kind = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if not (error.name and f"{module}.".startswith(f"{error.name}.")):
            raise
        raise ModelStoreError(f"{what} is in no module that there is.") from None
    except AttributeError:
        raise ModelStoreError(f"{what} is not in its module.") from None
    if missing := [method for method in methods if not callable(getattr(kind, method, None))]:
        raise ModelStoreError(f"{what} has no method {missing[0]}.")
    return kind


class Pace:
    """Predicts how long a call takes: as long as the slowest of the last ones of its size."""

    FORGETS = 0.8

    def __init__(self) -> None:
        self._slowest_s: dict[int, float] = {}
        """By the number of binary digits of the size in bytes."""

    def is_quick(self, size: int) -> bool:
        """Whether a call of this size takes no time to speak of, as far as is known."""
        return self._slowest_s.get(size.bit_length(), float("inf")) <= QUICK_S

    def took(self, size: int, seconds: float) -> None:
        before = self._slowest_s.get(size.bit_length(), 0.0)
        self._slowest_s[size.bit_length()] = max(seconds, before * self.FORGETS)


class ModelDeployment:
    """Answers for a model of one version: that of a library, or one that is made in code.

    Its class takes no arguments, or has a class method `load` without any. It has `predict`, which
    takes items and gives one answer each, in order, and may have `stream`, which gives the answers
    to one item piece by piece; a `version`, which is a text; and `facts` for its card.

    name: of the model.
    model: where its class is, "package.module:Class".
    in_background: whether a thread loads it, so that nothing waits for it but the first calls.
    """

    def __init__(self, name: str, model: str, *, in_background: bool = False) -> None:
        self._name = name
        self._path = model
        self._pace = Pace()
        self._model: Future[Any] = Future()
        if in_background:
            Thread(target=self._load, name=name, daemon=True).start()
        else:
            self._load()
            self._model.result()

    def _load(self) -> None:
        try:
            kind = imported(self._name, self._path, "predict")
            self._model.set_result(kind.load() if hasattr(kind, "load") else kind())
        except Exception as error:
            self._model.set_exception(error)

    async def predict_batch(self, items: Sequence[Any], versions: Sequence[str]) -> Answers:
        """One answer an item, in order, each by the version that is asked for it."""
        held = await self._held({*versions})
        if len(held) == 1:
            [(reference, model)] = held.values()
            return await self._predict(reference, model, items)
        answers: dict[int, Prediction[Any] | ModelError] = {}
        for version, (reference, model) in held.items():
            places = [place for place, one in enumerate(versions) if one == version]
            found = await self._predict(reference, model, [items[place] for place in places])
            answers |= zip(places, found, strict=True)
        return [answers[place] for place in range(len(items))]

    async def predict_each(
        self, items: Sequence[Any], version: str
    ) -> AsyncIterator[Prediction[Any]]:
        """The same, each answer as soon as it is there, all by one version."""
        [(reference, model)] = (await self._held({version})).values()
        if inspect.iscoroutinefunction(model.predict):
            for item in items:
                [answer] = await self._predict(reference, model, [item])
                if isinstance(answer, ModelError):
                    raise answer
                yield answer
            return
        each = (value for item in items for value in self._called(model, [item]))
        async for value in iterate_in_thread(each):
            yield Prediction(value, reference)

    async def stream(self, item: Any, version: str) -> AsyncIterator[Prediction[Any]]:
        """The answers to one item, piece by piece."""
        [(reference, model)] = (await self._held({version})).values()
        values = model.stream(item)
        whole = values if isinstance(values, AsyncIterator) else iterate_in_thread(iter(values))
        async for value in whole:
            yield Prediction(value, reference)

    async def card(self, version: str = CHAMPION) -> ModelCard:
        [(reference, model)] = (await self._held({version})).values()
        number = reference.partition(":")[2]
        return ModelCard(self._name, number, getattr(model, "facts", {}), self._note())

    def close(self) -> None:
        """Let go of what runs beside the calls."""

    def _note(self) -> str:
        return ""

    async def _held(self, wanted: Collection[str]) -> Mapping[str, tuple[str, Any]]:
        """For each version that is wanted, its reference and its model."""
        if not self._model.done():
            await asyncio.wrap_future(self._model)
        model = self._model.result()
        version = getattr(model, "version", "")
        reference = f"{self._name}:{version}" if version else self._name
        if any(":" in one and one != reference for one in wanted):
            raise self._replaced()
        return dict.fromkeys(wanted, (reference, model))

    def _replaced(self) -> ModelReplacedError:
        return ModelReplacedError(f"The version of the {self._name} model was replaced meanwhile.")

    async def _predict(self, reference: str, model: Any, items: Sequence[Any]) -> Answers:
        """One answer an item. Where a batch fails, its items are asked one by one."""
        try:
            return [Prediction(value, reference) for value in await self._values(model, items)]
        except Exception as error:
            if len(items) == 1:
                if isinstance(error, ModelError):
                    return [error]
                log.exception("the %s model failed", self._name)
                return [ModelError(f"The {self._name} model failed.")]
        return [
            answer for item in items for answer in await self._predict(reference, model, [item])
        ]

    async def _values(self, model: Any, items: Sequence[Any]) -> Sequence[Any]:
        if inspect.iscoroutinefunction(model.predict):
            return self._checked(await model.predict(items), items)
        size = sum(map(size_bytes, items))
        began = perf_counter()
        try:
            if self._pace.is_quick(size):
                return self._called(model, items)
            return await asyncio.to_thread(self._called, model, items)
        finally:
            self._pace.took(size, perf_counter() - began)

    def _called(self, model: Any, items: Sequence[Any]) -> Sequence[Any]:
        return self._checked(model.predict(items), items)

    def _checked(self, values: Sequence[Any], items: Sequence[Any]) -> Sequence[Any]:
        if len(values) != len(items):
            raise ModelError(
                f"The {self._name} model gave {len(values)} answers to {len(items)} items."
            )
        return values


class VersionedDeployment(ModelDeployment):
    """Answers for the versions of a model that the store names, and swaps them as it says.

    Its class has a class method `load`, which takes the verified files of a version and raises
    when they hold no sound model.

    name: of the model, in the store too.
    model: where its class is, "package.module:Class".
    kinds: of places that `MODEL_STORE` may name.
    meter: makes what counts refused versions; called in the process that holds the model.

    Raises ModelStoreError when the model is missing, damaged or of the wrong shape.
    """

    def __init__(
        self,
        name: str,
        model: str,
        kinds: Sequence[SourceKind] = (folder,),
        meter: Callable[[], Meter] | None = None,
        settings: StoreSettings | None = None,
    ) -> None:
        self._name = name
        self._pace = Pace()
        self._default = f"{name}@champion"
        settings = settings or StoreSettings.load()
        counter = meter() if meter else None

        def refused() -> None:
            if counter:
                counter.count("model_refused_versions_total", model=name)

        self._versions: Versions[Any] = Versions(
            settings.opened(kinds),
            self._default,
            imported(name, model, "load", "predict").load,
            settings.refresh_s,
            settings.keep_replaced_s,
            refused,
        )

    async def reconfigure(self, user_config: Any) -> None:
        """Serve's `user_config`: `{"reference": "churn:2"}` pins a version, `{}` unpins it.

        What cannot be done is noted on the card, and changes nothing.
        """
        try:
            looked = self._versions.follow(self._followed(user_config))
        except ModelStoreError as error:
            note = f"The user_config of the {self._name} model was refused; it changes nothing."
            self._versions.notes.take("user_config", note, error)
            return
        self._versions.notes.drop("user_config")
        await asyncio.wrap_future(looked)

    def close(self) -> None:
        """Look for other versions no longer."""
        self._versions.close()

    def _note(self) -> str:
        return str(self._versions.notes)

    async def _held(self, wanted: Collection[str]) -> Mapping[str, tuple[str, Any]]:
        """The models that answer, all of one snapshot.

        Raises ModelReplacedError when a version is not held, not even after a look, nor in time.
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
            raise ModelStoreError("The reference in the user_config is no text.")
        return reference
