"""What stands behind `hf:`, as users of transformers know it: a repository, or a folder."""

import re
from pathlib import Path
from typing import NamedTuple

from servekit.registry.errors import ModelStoreError

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_REPOSITORY = re.compile(rf"({_NAME}/{_NAME})(?:@({_NAME}(?:/{_NAME})*))?")
_FOLDER = re.compile(r"(/|~/|\.{1,2}(/|$))")


class Repository(NamedTuple):
    """A repository of models at a branch, tag or commit."""

    id: str
    revision: str

    def __str__(self) -> str:
        return f"hf:{self.id}@{self.revision}"


def parsed(url: str) -> Repository | Path:
    """The repository, or the folder, as an absolute path.

    Raises ModelStoreError for anything else.
    """
    place = url.partition(":")[2].removeprefix("//")
    if _FOLDER.match(place):
        return Path(place).expanduser().absolute()
    match = _REPOSITORY.fullmatch(place)
    if not match:
        # Not the address: it may hold a token.
        raise ModelStoreError(
            "A model store at hf: is written hf:organization/repository, with @revision behind it"
            " if need be, or hf:/absolute/folder or hf:./folder."
        )
    return Repository(match[1], match[2] or "main")
