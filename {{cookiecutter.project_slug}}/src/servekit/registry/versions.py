"""Loads the versions of a model that the store names, and swaps them without a pause."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock
from time import monotonic
from typing import Generic

from servekit import audit
from servekit.contracts import CHALLENGER

from .conditions import Conditions
from .errors import ModelCacheError, ModelStoreError, StoreUnreachableError
from .loaded_versions import LoadedVersions, Model
from .poller import Poller
from .store import ModelStore, Reference, parse_reference
from .version_files import ModelFiles

log = logging.getLogger(__name__)

LOOK_PAUSE_S = 1.0
"""The least seconds between two polls that are triggered by requests for unknown versions."""

CHALLENGER_S = 3.0
"""Seconds that a starting replica waits for its challenger before it begins without it."""


def loaded(load: Callable[[ModelFiles], Model], files: ModelFiles) -> Model:
    """Load a model; raise ModelStoreError, whatever `load` raises."""
    try:
        return load(files)
    except ModelStoreError:
        raise
    except Exception as error:
        raise ModelStoreError(f"{files.reference} cannot be loaded: {error!r}.") from error


class Versions(Generic[Model]):
    """Holds the champion and the challenger, and polls for others in the background.

    A version is loaded beside those that answer, and takes over once `load` has found it sound.
    Otherwise it is refused, and not tried again until its alias moves. A challenger that takes
    long to arrive delays no champion.

    reference: of the champion, `name@alias` or `name:version`.
    load: makes a model of verified files; raises when it is not sound.
    keep_s: seconds that a replaced version still answers requests that name it.
    max_replaced: the most replaced versions that are kept for them; the newest stay.
    refused: called for each version that is refused.

    Raises ModelStoreError when there is neither a sound champion nor, in the cache, one that
    was sound before.
    """

    def __init__(
        self,
        store: ModelStore,
        reference: str,
        load: Callable[[ModelFiles], Model],
        refresh_s: float,
        keep_s: float,
        max_replaced: int,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._load = load
        self._keep_s = keep_s
        self._max_replaced = max_replaced
        self._count_refused = refused
        self._followed = parse_reference(reference)
        self._refused: dict[str, str] = {}
        self._replaced_at: dict[str, float] = {}
        self._tried: Reference | None = None
        self._changing = Lock()
        self.conditions = Conditions()
        self.held = self._first()
        self._record("champion", "", self.held.champion)
        self._trying = Poller(self._try_challenger, refresh_s, pause_s=0)
        with suppress(TimeoutError):
            self._trying.soon().result(CHALLENGER_S)
        self._looking = Poller(self._look, refresh_s, LOOK_PAUSE_S)

    @property
    def champion(self) -> Model:
        held = self.held
        return held.models[held.champion]

    def look(self) -> "Future[None]":
        """A future that is done when the store has been polled after this moment."""
        return self._looking.soon()

    def try_challenger(self) -> "Future[None]":
        """A future that is done when the challenger of the last poll was tried."""
        return self._trying.soon()

    def follow(self, reference: str) -> "Future[None]":
        """Follow another alias, or pin a version; the future is done once that was tried.

        Raises ModelStoreError when it is no reference.
        """
        self._followed = parse_reference(reference)
        return self._looking.at_once()

    def close(self) -> None:
        """Stop polling."""
        self._looking.stop()
        self._trying.stop()

    def _first(self) -> LoadedVersions[Model]:
        followed = self._followed
        try:
            aliases = {} if followed.version else self._store.aliases(followed.name)
            version = self._meant(followed, aliases)
            model = self._opened(followed.name, version)
        except ModelStoreError as error:
            return self._last_sound(followed, error)
        self._record_last_good(followed, version)
        champion = f"{followed.name}:{version}"
        self._tried = _challenger(followed.name, aliases)
        return LoadedVersions(champion, "", {champion: model})

    def _last_sound(self, followed: Reference, error: ModelStoreError) -> LoadedVersions[Model]:
        files = self._store.open_last_good(followed)
        if not files:
            raise error
        try:
            model = loaded(self._load, files)
        except ModelStoreError as neither:
            raise error from neither
        champion = files.reference
        note = f"The model store could not give {followed}; {champion} from the cache answers."
        self.conditions.set("store", note, error)
        return LoadedVersions(champion, "", {champion: model})

    def _look(self) -> None:
        followed = self._followed
        try:
            aliases = self._store.aliases(followed.name)
        except ModelStoreError as error:
            away = isinstance(error, StoreUnreachableError)
            store = "does not answer" if away else "cannot be used"
            note = f"The model store {store}; {self.held.champion} answers as before."
            self.conditions.set("store", note, error)
            if followed.version:
                self._look_for_champion(followed, {})
        else:
            self.conditions.clear("store")
            self._look_for_champion(followed, aliases)
            self._tried = _challenger(followed.name, aliases)
            self._trying.soon()
        self._drop_replaced()

    def _look_for_champion(self, followed: Reference, aliases: Mapping[str, str]) -> None:
        before = self.held.champion
        try:
            version = self._meant(followed, aliases)
        except ModelStoreError as error:
            note = f"There is no {followed}; {before} answers as before."
            self._refused.pop("champion", None)
            self.conditions.set("champion", note, error)
            return
        champion = f"{followed.name}:{version}"
        model = self._taken("champion", followed.name, version)
        if model is None:
            return
        with self._changing:
            self.held = self.held.with_champion(champion, model)
        if champion != before:
            self._record("champion", before, champion)
            self._record_last_good(followed, version)

    def _try_challenger(self) -> None:
        tried, before = self._tried, self.held.challenger
        if tried is None:
            self._refused.pop(CHALLENGER, None)
            self.conditions.clear(CHALLENGER)
            with self._changing:
                self.held = self.held._replace(challenger="")
        elif (model := self._taken(CHALLENGER, tried.name, tried.version)) is not None:
            with self._changing:
                self.held = self.held.with_challenger(str(tried), model)
        if self.held.challenger != before:
            self._record(CHALLENGER, before, self.held.challenger)
        self._drop_replaced()

    def _record(self, role: str, before: str, after: str) -> None:
        """Write to the audit trail which version has a role from now on."""
        if not after:
            message = f"{before} answers no longer"
        else:
            message = f"{after} answers instead of {before}" if before else f"{after} answers"
        audit.record(
            "version",
            message,
            level=logging.WARNING if before else logging.INFO,
            model=self._followed.name,
            role=role,
            before=before,
            after=after,
            follows=str(self._followed),
        )

    def _drop_replaced(self) -> None:
        now = monotonic()
        with self._changing:
            replaced = self.held.replaced()
            since = {each: self._replaced_at.get(each, now) for each in replaced}
            kept = sorted(since, key=since.__getitem__, reverse=True)[: self._max_replaced]
            self._replaced_at = {each: since[each] for each in kept}
            gone = replaced - {each for each in kept if now - since[each] < self._keep_s}
            self.held = self.held.without(gone)
        if replaced - gone:
            self._looking.within(self._keep_s)

    def _meant(self, followed: Reference, aliases: Mapping[str, str]) -> str:
        version = followed.version or aliases.get(followed.alias)
        if not version:
            raise ModelStoreError(
                f"The model {followed.name!r} has no alias {followed.alias!r} in its store."
            )
        return version

    def _taken(self, role: str, name: str, version: str) -> Model | None:
        """Return the loaded model of a version; None when it is refused or unavailable."""
        held = self.held
        reference = f"{name}:{version}"
        note = f"{reference} was refused; {held.champion} answers as before."
        if self._refused.get(role) == reference:
            # Once more, because another champion may answer by now.
            self.conditions.set(role, note, "as logged before")
            return None
        try:
            model = held.models.get(reference)
            if model is None:
                model = self._opened(name, version)
        except (StoreUnreachableError, ModelCacheError) as error:
            unfetched = f"{reference} cannot be fetched; {held.champion} answers as before."
            self.conditions.set(role, unfetched, error)
            return None
        except Exception as error:
            self._refused[role] = reference
            self._count_refused()
            self.conditions.set(role, note, error)
            return None
        self._refused.pop(role, None)
        self.conditions.clear(role)
        return model

    def _opened(self, name: str, version: str) -> Model:
        return loaded(self._load, self._store.open_version(name, version))

    def _record_last_good(self, followed: Reference, version: str) -> None:
        if followed.alias:
            try:
                self._store.record_last_good(followed.name, followed.alias, version)
            except ModelCacheError as error:
                log.warning("a start without the store would use another version: %s", error)


def _challenger(name: str, aliases: Mapping[str, str]) -> Reference | None:
    version = aliases.get(CHALLENGER)
    return Reference(name, version=version) if version else None
