"""The language model as a service."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from servekit.contracts import CHAMPION, Meter, ModelReplacedError
from servekit.registry.errors import ModelStoreError
from servekit.registry.iterate import iterate_in_thread
from servekit.registry.settings import StoreSettings
from servekit.registry.sources.folder import folder
from servekit.registry.sources.source import SourceKind
from servekit.registry.versions import Versions

from acme_service.models.language import LanguageModel
from acme_service.ports import Detection, LanguageModelCard, Query

Model = LanguageModel
"""What is made of the files of a version."""

REFERENCE = "language@champion"

QUICK_CHARS = 10_000
"""Texts of so many characters together take a millisecond or two."""

LOOK_S = 3.0
"""Those who name a version that is not held wait so long for a look: another replica holds the
one before, and a version may take minutes to arrive."""


class LanguageDeployment:
    """Holds the versions of the language model that the store names, and swaps them as it says.

    What takes long is done in a thread, so that it never keeps the replica from taking requests
    or answering health checks. What is quick is done at once: handing it to a thread, and
    waiting for that, would take longer than the work. A model whose calls are all slow, or
    whose speed is not known, does best with methods that are `def`: Serve runs those in threads.

    kinds: of places that `MODEL_STORE` may name.
    meter: makes what counts refused versions; called in the process that holds the model.

    Raises ModelStoreError when the model is missing, damaged or of the wrong shape.
    """

    def __init__(
        self,
        kinds: Sequence[SourceKind] = (folder,),
        meter: Callable[[], Meter] | None = None,
        settings: StoreSettings | None = None,
    ) -> None:
        settings = settings or StoreSettings.load()
        counter = meter() if meter else None

        def refused() -> None:
            if counter:
                counter.count("model_refused_versions_total", model="language")

        store = settings.opened(kinds)
        self._versions = Versions(
            store,
            REFERENCE,
            Model.load,
            settings.refresh_s,
            settings.keep_replaced_s,
            refused,
        )

    async def reconfigure(self, user_config: Any) -> None:
        """Serve's `user_config`: `{"reference": "language:2"}` pins a version, `{}` unpins it.

        What cannot be done is noted on the card, and changes nothing.
        """
        try:
            looked = self._versions.follow(_reference(user_config))
        except ModelStoreError as error:
            note = "The user_config of the language model was refused; it changes nothing."
            self._versions.notes.take("user_config", note, error)
            return
        self._versions.notes.drop("user_config")
        await asyncio.wrap_future(looked)

    def close(self) -> None:
        """Look for other versions no longer."""
        self._versions.close()

    async def detect_batch(self, queries: Sequence[Query]) -> list[Detection]:
        models = await self._models({query.model for query in queries})
        if sum(len(query.text) for query in queries) <= QUICK_CHARS:
            return _batch(models, queries)
        return await asyncio.to_thread(_batch, models, queries)

    async def detect_each(self, queries: Sequence[Query]) -> AsyncIterator[Detection]:
        models = await self._models({query.model for query in queries})
        async for detection in iterate_in_thread(_each(models, queries)):
            yield detection

    async def guesses(self, query: Query) -> AsyncIterator[Detection]:
        models = await self._models({query.model})
        async for detection in iterate_in_thread(models[query.model].guesses(query)):
            yield detection

    async def card(self, model: str = CHAMPION) -> LanguageModelCard:
        """The card of the version that answers for `model`, as `Query.model` names it."""
        models = await self._models({model})
        return models[model].card._replace(note=str(self._versions.notes))

    async def _models(self, wanted: Collection[str]) -> dict[str, Model]:
        """The models that answer, all of one snapshot.

        Raises ModelReplacedError when a version is not held, not even after a look, nor in time.
        """
        models = self._held(wanted)
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                # Another replica may have seen it first.
                for look in (self._versions.look, self._versions.try_challenger):
                    if len(models) < len(wanted):
                        await asyncio.wrap_future(look())
                        models = self._held(wanted)
        if len(models) < len(wanted):
            raise ModelReplacedError("The version of the language model was replaced meanwhile.")
        return models

    def _held(self, wanted: Collection[str]) -> dict[str, Model]:
        held = self._versions.held
        return {each: model for each in wanted if (model := held.find(each)) is not None}


def _reference(user_config: Any) -> str:
    if not isinstance(user_config, Mapping) or user_config.keys() - {"reference"}:
        raise ModelStoreError("The user_config takes one key, reference.")
    reference = user_config.get("reference", REFERENCE)
    if not isinstance(reference, str):
        raise ModelStoreError("The reference in the user_config is no text.")
    return reference


def _batch(models: Mapping[str, Model], queries: Sequence[Query]) -> list[Detection]:
    """One detection a query, in order, each by the model that the query wants."""
    if len(models) == 1:
        return next(iter(models.values())).detect_batch(queries)
    detections: dict[int, Detection] = {}
    for wanted, model in models.items():
        places = [place for place, query in enumerate(queries) if query.model == wanted]
        found = model.detect_batch([queries[place] for place in places])
        detections |= zip(places, found, strict=True)
    return [detections[place] for place in range(len(queries))]


def _each(models: Mapping[str, Model], queries: Sequence[Query]) -> Iterator[Detection]:
    for query in queries:
        yield from models[query.model].detect_each([query])
