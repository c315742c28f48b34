"""Settings of the model store. Read by replicas too, hence without Pydantic."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from .errors import ModelStoreError
from .sources.folder import folder
from .sources.source import SourceKind
from .store import ModelStore

CACHE = "~/.cache/servekit/models"
OWN_FOLDER = "file:model_store"
"""The store that comes with the project."""

VARIABLES = (
    "MODEL_STORE",
    "MODEL_CACHE",
    "MODEL_REFRESH_S",
    "MODEL_TIMEOUT_S",
    "MODEL_FETCH_TIMEOUT_S",
    "MODEL_MAX_REPLACED",
)


class StoreSettings(NamedTuple):
    """Read from `MODEL_*`.

    store: URL of the model store; by default the folder that comes with the project, below
        the working directory.
    cache: folder for what is fetched from stores elsewhere.
    refresh_s: seconds between two polls of a replica.
    timeout_s: how long the store may take to answer.
    fetch_timeout_s: how long the files of a version may take to arrive.
    max_replaced: how many replaced versions a replica keeps in memory at most, beside those that
        answer.
    """

    store: str
    cache: Path
    refresh_s: float
    timeout_s: float
    fetch_timeout_s: float = 300.0
    max_replaced: int = 2

    @property
    def keep_replaced_s(self) -> float:
        """How long a replaced version still answers requests that name it.

        A minute, and for as long as other replicas may still fetch what replaces it.
        """
        return 60.0 + self.timeout_s + self.fetch_timeout_s

    @property
    def arrival_s(self) -> float:
        """How long the files of a version may take to arrive; in a folder they are there."""
        scheme = self.store.partition(":")[0].lower()
        return 0.0 if scheme in folder.schemes else self.fetch_timeout_s

    def opened(self, kinds: Sequence[SourceKind], files: Sequence[str] = ()) -> ModelStore:
        """Open the store.

        Args:
            kinds: Of places that its URL may name.
            files: Patterns of what is taken from a version without a manifest.

        Raises:
            ModelStoreError: The URL names another place.
        """
        return ModelStore(
            kinds, self.store, self.cache, self.timeout_s, self.fetch_timeout_s, files
        )

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> "StoreSettings":
        """Read the environment.

        Raises:
            ModelStoreError: A variable is malformed; the message names it.
        """
        return cls(
            store=environment.get("MODEL_STORE") or OWN_FOLDER,
            cache=_folder(environment.get("MODEL_CACHE") or CACHE),
            refresh_s=_seconds(environment, "MODEL_REFRESH_S", 10.0, most=86_400),
            timeout_s=_seconds(environment, "MODEL_TIMEOUT_S", 5.0, most=3_600),
            fetch_timeout_s=_seconds(environment, "MODEL_FETCH_TIMEOUT_S", 300.0, most=86_400),
            max_replaced=_number(environment, "MODEL_MAX_REPLACED", 2, most=100),
        )


def _folder(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ModelStoreError(
            f"MODEL_CACHE: {path} starts with ~, but this user has no home directory."
        ) from None


def _number(environment: Mapping[str, str], variable: str, default: int, most: int) -> int:
    text = environment.get(variable) or str(default)
    if not (
        text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most
    ):
        raise ModelStoreError(f"{variable}: a whole number from 0 to {most} is needed.")
    return int(text)


def _seconds(environment: Mapping[str, str], variable: str, default: float, most: float) -> float:
    try:
        seconds = float(environment.get(variable) or default)
    except ValueError:
        seconds = -1.0
    # Written so that a NaN is refused too.
    if not 0 < seconds <= most:
        raise ModelStoreError(
            f"{variable}: a number of seconds above 0 and up to {most:g} is needed."
        )
    return seconds
