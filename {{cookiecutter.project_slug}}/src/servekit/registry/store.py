"""Finds models in the store by reference, and verifies their files."""

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from .deadline import Deadline
from .errors import ModelStoreError, StoreUnreachableError
from .local_versions import VersionCache
from .sources.folder import FolderSource, folder
from .sources.layout import NAME, check_names
from .sources.source import ModelSource, SourceKind
from .version_files import ModelFiles, verified

DEFAULT_TIMEOUT_S = 5.0

FEATURES = {
    **dict.fromkeys(("s3", "gs", "az", "http", "https"), "cloud_storage"),
    "hf": "huggingface",
    "mlflow": "mlflow",
}
"""The feature of each scheme, so that a declined one can be named."""

_REFERENCE = re.compile(rf"(?P<name>{NAME})(?:@(?P<alias>{NAME})|:(?P<version>{NAME}))")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")

Answer = TypeVar("Answer")


class Reference(NamedTuple):
    """`name@alias` or `name:version`; the other one is empty."""

    name: str
    alias: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name}@{self.alias}" if self.alias else f"{self.name}:{self.version}"


def parse_reference(reference: str) -> Reference:
    """Raises ModelStoreError for anything but `name@alias` and `name:version`."""
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise ModelStoreError(
            f"The model reference {reference!r} is neither name@alias nor name:version."
        )
    return Reference(match["name"], match["alias"] or "", match["version"] or "")


def open_source(kinds: Sequence[SourceKind], store_url: str, timeout_s: float) -> ModelSource:
    """The source that the scheme of the URL stands for.

    Raises ModelStoreError for a scheme that none of these kinds knows.
    """
    return chosen(kinds, store_url).open(store_url, timeout_s)


def chosen(kinds: Sequence[SourceKind], store_url: str) -> SourceKind:
    """The kind that the scheme of the URL stands for.

    Raises ModelStoreError when it is not among these.
    """
    match = _SCHEME.match(store_url)
    if not match:
        raise ModelStoreError(
            f"The model store {shown(store_url)!r} is not a URL: a folder is file:model_store."
        )
    scheme = match[0].lower()
    for kind in kinds:
        if scheme in kind.schemes:
            return kind
    # The rest of the URL is left out: it may hold credentials.
    if scheme in FEATURES:
        raise ModelStoreError(
            f"A model store at {scheme}: needs the feature {FEATURES[scheme]},"
            " which this service was made without."
        )
    known = ", ".join(f"{scheme}:" for kind in kinds for scheme in kind.schemes)
    raise ModelStoreError(f"A model store at {scheme}: is not supported, only {known} is.")


class ModelStore:
    """One store, read through the cache of this machine.

    kinds: of places that the URL may name.
    url: of the store; its scheme chooses the kind.
    cache: a folder for the versions that are fetched from elsewhere; made when it is needed.
    timeout_s: for each call of the source, whatever its client does.
    fetch_timeout_s: for each that fetches a version; `timeout_s` by default.
    files: patterns of what is taken from a version without a manifest; its checksums are recorded
        when it is fetched for the first time.
    """

    def __init__(
        self,
        kinds: Sequence[SourceKind],
        url: str,
        cache: Path,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        fetch_timeout_s: float | None = None,
        files: Sequence[str] = (),
    ) -> None:
        fetch_timeout_s = fetch_timeout_s or timeout_s
        self._source = open_source(kinds, url, timeout_s)
        self._fetching = open_source(kinds, url, fetch_timeout_s)
        self._cache = VersionCache(cache, url)
        self._deadline = Deadline(timeout_s)
        self._fetch_deadline = Deadline(fetch_timeout_s)
        self._shown = shown(url)
        self._files = tuple(files)

    def aliases(self, name: str) -> Mapping[str, str]:
        """What each alias of a model means now."""
        return self._ask(lambda: self._source.aliases(name))

    def versions(self, name: str) -> Sequence[str]:
        """Every version of a model, oldest first."""
        return self._ask(lambda: self._source.versions(name))

    def resolve(self, reference: Reference) -> str:
        """Resolve a reference to a version; one that names its version needs no request."""
        if reference.version:
            return reference.version
        version = self.aliases(reference.name).get(reference.alias)
        if version is None:
            raise ModelStoreError(
                f"The model {reference.name!r} at {self._shown} has no alias {reference.alias!r}."
            )
        return version

    def open(self, reference: str) -> ModelFiles:
        """The files that a reference means now, every one of them verified."""
        parsed = parse_reference(reference)
        return self.open_version(parsed.name, self.resolve(parsed))

    def open_version(self, name: str, version: str) -> ModelFiles:
        """The files of a version, every one of them verified.

        Makes no request when they are in the cache.

        Raises StoreUnreachableError when they are not, and the source does not answer;
        ModelCacheError when they cannot be kept; ModelStoreError when they are not sound.
        """
        check_names(model=name, version=version)
        if isinstance(self._source, FolderSource):
            return verified(self._fetch(name, version, Path(), ()), name, version)
        found = self._cache.find(name, version)
        if found and self._has_all(found):
            return found
        # Together with what another class takes of it, which may be in use.
        wanted = [*self._files, *(found.manifest["files"] if found else ())]
        patterns = [*dict.fromkeys(wanted)] if self._files else []
        return self._cache.add(
            name, version, lambda into: self._fetch(name, version, into, patterns)
        )

    def _has_all(self, files: ModelFiles) -> bool:
        paths = [*files.manifest["files"]]
        return not files.has_no_manifest or all(
            fnmatch.filter(paths, pattern) for pattern in self._files
        )

    def record_last_good(self, name: str, alias: str, version: str) -> None:
        """Record that this version was loaded, for a start without the source.

        Raises ModelCacheError when the record cannot be written.
        """
        self._cache.record_last_good(name, alias, version)

    def open_last_good(self, reference: Reference) -> ModelFiles | None:
        """The files that an alias meant when its version was last sound, if they are here."""
        version = self._cache.last_good(reference.name).get(reference.alias)
        return self._cache.find(reference.name, version) if version else None

    def move_alias(self, name: str, alias: str, version: str, before: str | None) -> None:
        check_names(model=name, alias=alias, version=version)
        self._ask(lambda: self._source.move_alias(name, alias, version, before))

    def _fetch(self, name: str, version: str, into: Path, files: Sequence[str]) -> Path:
        return self._ask(
            lambda: self._fetching.fetch(name, version, into, files), self._fetch_deadline
        )

    def _ask(self, call: Callable[[], Answer], deadline: Deadline | None = None) -> Answer:
        try:
            return (deadline or self._deadline).wait_for(f"The model store {self._shown}", call)
        except (StoreUnreachableError, ConnectionError, TimeoutError) as error:
            if self._shown in str(error):
                raise
            raise StoreUnreachableError(
                f"The model store {self._shown} cannot be reached: {error}"
            ) from error


def shown(store_url: str) -> str:
    """The URL for messages, without the credentials that may be in it."""
    place = re.split(r"[?#]", store_url, maxsplit=1)[0]
    return re.sub("(?<=//)[^/]*@", "", place)


def open_model(store_url: str, reference: str) -> ModelFiles:
    """The files of a model in a folder, every one of them verified.

    store_url: `file:relative/path` or `file:///absolute/path`.
    reference: `name@alias`, such as `churn@champion`, or `name:version`.

    Raises ModelStoreError when the model is not there, or not as its manifest says.
    """
    return ModelStore((folder,), store_url, Path()).open(reference)
