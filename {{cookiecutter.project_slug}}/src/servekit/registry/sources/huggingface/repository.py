"""A repository of the hub as a model source: the layout of a folder, changed by commits.

A commit names the one that it was made upon, so of two concurrent promotions one fails.
"""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from huggingface_hub import (
    CommitOperationAdd,
    HfApi,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    is_offline_mode,
)
from huggingface_hub.errors import RemoteEntryNotFoundError

from servekit.registry.errors import ModelStoreError
from servekit.registry.sources.layout import (
    ALIASES,
    CHAMPION,
    MANIFEST,
    check_names,
    check_size,
    in_order,
    is_name,
    json_bytes,
    matching,
    moved,
    read_aliases,
    read_manifest,
)
from servekit.registry.version_files import bytes_of, verified

from .errors import MovedOnError, understood
from .repository_url import Repository

_COMMIT = re.compile(r"[0-9a-f]{40}")
"""The id of a commit, which is the version of a repository without manifests."""

ATTEMPTS = 4
"""A concurrent commit may be about another model, which is no reason to fail."""


class HuggingFaceSource:
    """A ModelSource in a repository of models.

    What is read goes through the client's own cache, in `HF_HOME`: with `HF_HUB_OFFLINE`, that
    is all that there is.

    timeout_s: for each step that has a time limit of its own. A byte now and then is a step.
    """

    def __init__(self, repository: Repository, timeout_s: float) -> None:
        self._repository = repository
        self._timeout_s = timeout_s
        self._api = HfApi()

    def aliases(self, name: str) -> Mapping[str, str]:
        check_names(model=name)
        file = self._download(f"{name}/{ALIASES}")
        if file is None:
            return self._implied(name)
        return read_aliases(bytes_of(file), self._called(f"{name}/{ALIASES}"))

    def _implied(self, name: str) -> dict[str, str]:
        """Return the aliases of a model that has none written down.

        The champion of a repository without manifests is the commit of its revision.
        """
        versions = self.versions(name)  # which raises where there is no such model
        return {CHAMPION: versions[0]} if _COMMIT.fullmatch(versions[0]) else {}

    def versions(self, name: str) -> Sequence[str]:
        check_names(model=name)
        found = self._downloaded(name) if is_offline_mode() else self._listed(name)
        if not found:
            raise ModelStoreError(f"There is no version of {name!r} at {self._repository}.")
        return in_order(found)

    def fetch(self, name: str, version: str, into: Path, files: Sequence[str] = ()) -> Path:
        check_names(model=name, version=version)
        if files and _COMMIT.fullmatch(version):
            self._fetch_commit(version, into, files)
            return into
        path = f"{name}/{version}/{MANIFEST}"
        content = bytes_of(self._needed(path))
        manifest = read_manifest(content, self._called(path), name, version)
        for file, expected in manifest["files"].items():
            target = into / file
            target.parent.mkdir(parents=True, exist_ok=True)
            there = self._needed(f"{name}/{version}/{file}", size_bytes=expected["size_bytes"])
            # A copy, because the client's cache consists of links.
            shutil.copyfile(there, target)
        (into / MANIFEST).write_bytes(content)
        return into

    def _fetch_commit(self, commit: str, into: Path, patterns: Sequence[str]) -> None:
        with understood(self._repository):
            siblings = self._info(commit).siblings or []
        where = f"the commit {commit} of {self._repository}"
        for file in matching([one.rfilename for one in siblings], patterns, where):
            target = into / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._needed(file, commit), target)

    def move_alias(self, name: str, alias: str, version: str, before: str | None) -> None:
        check_names(model=name, alias=alias, version=version)
        path = f"{name}/{ALIASES}"

        def change(commit: str) -> Mapping[str, bytes | Path]:
            where = self._called(path)
            file = self._download(path, commit)
            aliases = read_aliases(bytes_of(file), where) if file else self._implied(name)
            return {path: json_bytes(moved(aliases, alias, version, before, where))}

        self._commit(f"Let {alias} of {name} be {version}", change)

    def publish(self, name: str, version: str, folder: Path) -> None:
        check_names(model=name, version=version)
        files = verified(folder, name, version)
        path = f"{name}/{version}/{MANIFEST}"

        def change(commit: str) -> Mapping[str, bytes | Path]:
            there = self._download(path, commit)
            if there is None:
                names = [*files.manifest["files"], MANIFEST]
                return {f"{name}/{version}/{file}": folder / file for file in names}
            if bytes_of(there) != bytes_of(folder / MANIFEST):
                raise ModelStoreError(
                    f"{self._called(path)} already exists, with other content: a version never"
                    " changes, so publish under another one."
                )
            return {}

        self._commit(f"Publish version {version} of {name}", change)

    def _commit(self, message: str, change: Callable[[str], Mapping[str, bytes | Path]]) -> None:
        """Commit the files that `change` gives for the commit that they are made upon."""
        for _ in range(ATTEMPTS):
            with understood(self._repository):
                commit = self._info().sha
            files = change(str(commit))
            if not files:
                return
            with suppress(MovedOnError), understood(self._repository):
                self._api.create_commit(
                    self._repository.id,
                    [CommitOperationAdd(path, files[path]) for path in files],
                    commit_message=message,
                    revision=self._repository.revision,
                    parent_commit=commit,
                )
                return
        raise ModelStoreError(f"{self._repository} keeps changing: try again.")

    def _download(
        self, path: str, commit: str | None = None, size_bytes: int | None = None
    ) -> Path | None:
        """Where a file of the revision, or of a commit, lies in the client's cache.

        size_bytes: announced for it; nothing is fetched when it has another size.
        """
        repository, revision = self._repository.id, commit or self._repository.revision
        try:
            with understood(self._repository):
                if not is_offline_mode():
                    self._look(path, revision, size_bytes)
                file = hf_hub_download(
                    repository, path, revision=revision, etag_timeout=self._timeout_s
                )
                return Path(file)
        except RemoteEntryNotFoundError:
            return None

    def _look(self, path: str, revision: str, size_bytes: int | None) -> None:
        # The client takes what it has in its cache when the hub does not answer, and says nothing.
        url = hf_hub_url(self._repository.id, path, revision=revision)
        found = get_hf_file_metadata(url, timeout=self._timeout_s)
        if found.commit_hash is None:
            raise ModelStoreError(f"The server of {self._repository} is not a Hugging Face Hub.")
        if size_bytes is not None or path.rpartition("/")[2] in {ALIASES, MANIFEST}:
            check_size(found.size, size_bytes, self._called(path))

    def _needed(self, path: str, commit: str | None = None, size_bytes: int | None = None) -> Path:
        file = self._download(path, commit, size_bytes)
        if file is None:
            raise ModelStoreError(f"There is no {self._called(path)}.")
        return file

    def _listed(self, name: str) -> list[str]:
        with understood(self._repository):
            info = self._info()
        paths = [sibling.rfilename.split("/") for sibling in info.siblings or []]
        versions = [path[:2] for path in paths if len(path) == 3 and path[2] == MANIFEST]
        if not versions and info.sha:
            # A repository that is one model, as others save it: its versions are its commits.
            return [info.sha]
        return [version for model, version in versions if model == name and is_name(version)]

    def _downloaded(self, name: str) -> list[str]:
        folder = self._needed(f"{name}/{ALIASES}").parent
        return [path.name for path in folder.iterdir() if (path / MANIFEST).is_file()]

    def _info(self, commit: str | None = None):
        revision = commit or self._repository.revision
        return self._api.model_info(self._repository.id, revision=revision, timeout=self._timeout_s)

    def _called(self, path: str) -> str:
        """What messages call a file."""
        return f"{self._repository}/{path}"
