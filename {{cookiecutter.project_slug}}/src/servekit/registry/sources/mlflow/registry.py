"""A ModelSource in MLflow: a registered model, its numbered versions, its aliases."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts, list_artifacts
from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException

from servekit.registry.errors import ModelStoreError
from servekit.registry.sources.layout import (
    MANIFEST,
    check_names,
    check_size,
    in_order,
    matching,
    moved,
    read_manifest,
)
from servekit.registry.version_files import ModelFiles, bytes_of, verified

from .errors import explained, explained_download
from .runs import facts_of, logged_run

MAX_DEPTH = 16
"""The most folders inside each other in a version without a manifest."""


class MlflowSource:
    """Versions have the numbers that the registry gives them.

    The files of a version are there before it is: it is registered once its run has logged
    them, so no reader ever finds half of one.

    address: of the registry and of the server that keeps its runs, such as http://host:5000.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._url = f"mlflow:{address}"
        self._client = MlflowClient(tracking_uri=address, registry_uri=address)

    def aliases(self, name: str) -> Mapping[str, str]:
        check_names(model=name)
        with explained(self._url):
            return dict(self._client.get_registered_model(name).aliases)

    def versions(self, name: str) -> Sequence[str]:
        check_names(model=name)
        found: list[str] = []
        with explained(self._url):
            page = self._client.search_model_versions(f"name='{name}'")
            found += [each.version for each in page]
            while page.token:
                page = self._client.search_model_versions(f"name='{name}'", page_token=page.token)
                found += [each.version for each in page]
            if not found:
                self._client.get_registered_model(name)  # which raises, unless it is there
        return in_order(map(str, found))

    def fetch(self, name: str, version: str, into: Path, files: Sequence[str] = ()) -> Path:
        check_names(model=name, version=version)
        with explained(self._url):
            place = self._client.get_model_version_download_uri(name, version)
        where = f"{name}:{version} at {self._url}"
        # Each folder is listed once: for every file anew, a version of a thousand took a minute.
        files_at = cache(self._files_at)
        sizes: dict[str, int | None]
        if files and MANIFEST not in files_at(place):
            sizes = dict.fromkeys(matching(self._files_below(place), files, where))
        else:
            self._download(place, MANIFEST, into, files_at)
            content = bytes_of(into / MANIFEST)
            manifest = read_manifest(content, f"{MANIFEST} of {where}", name, version)
            sizes = {file: one["size_bytes"] for file, one in manifest["files"].items()}
        for file, size_bytes in sizes.items():
            self._download(place, file, into, files_at, size_bytes)
        return into

    def move_alias(self, name: str, alias: str, version: str, before: str | None) -> None:
        """As the protocol says, with one gap.

        The registry cannot compare and set: of two moves of the alias within the same
        milliseconds, the second one wins, and the first one is not told.
        """
        check_names(model=name, alias=alias, version=version)
        moved(self.aliases(name), alias, version, before, self._url)
        with explained(self._url):
            self._client.set_registered_model_alias(name, alias, version)

    def publish(self, name: str, version: str, folder: Path) -> None:
        """As the protocol says; the version is registered together with a run.

        The run has the facts of the manifest as parameters, its metrics and the sizes of files.
        Raises ModelStoreError when the registry gives the version another number.
        """
        check_names(model=name, version=version)
        files = verified(folder, name, version)
        facts = facts_of(files)
        numbers = self._numbers(name)
        if version in numbers:
            self._refuse_other_content(files)
            return
        last = int(numbers[-1]) if numbers else 0
        if not version.isdecimal() or int(version) <= last:
            raise _another_number(files, self._url, last + 1)
        with explained(self._url), logged_run(self._client, files, facts) as run:
            if not numbers:
                self._create_model(name)
            made = self._client.create_model_version(
                name, run.files_uri, run.run_id, await_creation_for=0
            )
            if str(made.version) != version:
                self._client.delete_model_version(name, str(made.version))
                raise _another_number(files, self._url, int(made.version) + 1)

    def _numbers(self, name: str) -> Sequence[str]:
        with explained(self._url):
            found = self._client.search_registered_models(f"name='{name}'", max_results=1)
        return self.versions(name) if found else []

    def _create_model(self, name: str) -> None:
        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _refuse_other_content(self, files: ModelFiles) -> None:
        with TemporaryDirectory() as scratch:
            with explained(self._url):
                place = self._client.get_model_version_download_uri(files.name, files.version)
            self._download(place, MANIFEST, Path(scratch), self._files_at)
            if bytes_of(Path(scratch, MANIFEST)) != bytes_of(files.folder / MANIFEST):
                raise ModelStoreError(
                    f"{files.reference} is at {self._url} already, with other content: a"
                    " version never changes, so publish under another one."
                )

    def _listed(self, place: str) -> Iterator[tuple[str, FileInfo]]:
        """Yield the name of each file and folder in a folder, and what is known of it."""
        with explained(self._url):
            for each in list_artifacts(artifact_uri=place, tracking_uri=self._address):
                yield each.path.rpartition("/")[2], each

    def _files_at(self, place: str) -> dict[str, int | None]:
        """The files in a folder, and their sizes in bytes where these are known."""
        return {name: found.file_size for name, found in self._listed(place) if not found.is_dir}

    def _files_below(self, place: str, inside: str = "", depth: int = 0) -> Iterator[str]:
        if depth > MAX_DEPTH:
            raise ModelStoreError(f"The folders at {place} are more than {MAX_DEPTH} deep.")
        for name, found in self._listed(f"{place}/{inside}" if inside else place):
            path = f"{inside}/{name}" if inside else name
            if found.is_dir:
                yield from self._files_below(place, path, depth + 1)
            else:
                yield path

    def _download(
        self,
        place: str,
        file: str,
        into: Path,
        files_at: Callable[[str], Mapping[str, int | None]],
        size_bytes: int | None = None,
    ) -> None:
        folder, _, base = f"{place}/{file}".rpartition("/")
        target = (into / file).parent
        target.mkdir(parents=True, exist_ok=True)
        with explained(self._url):
            there = files_at(folder)
            if base not in there:
                raise ModelStoreError(f"The model store {self._url} has no {file} at {place}.")
            if size_bytes is not None or file == MANIFEST:
                check_size(there[base], size_bytes, f"{file} at {self._url}")
            with explained_download(self._url, file):
                download_artifacts(
                    artifact_uri=f"{folder}/{base}",
                    dst_path=str(target),
                    tracking_uri=self._address,
                )


def _another_number(files: ModelFiles, url: str, number: int) -> ModelStoreError:
    return ModelStoreError(
        f"{files.reference} is not registered: the registry at {url} counts by itself, deleted"
        f" versions too, and its next version of {files.name} is at least {number}."
    )
