"""Models in a repository of the Hugging Face Hub, or in a folder that was downloaded from it.

Nothing here is imported before `MODEL_STORE` names such a place, the client library included.
"""

from servekit.registry.sources.folder import FolderSource
from servekit.registry.sources.source import ModelSource, SourceKind


def _open(url: str, timeout_s: float) -> ModelSource:
    from .repository_url import Repository, parsed

    place = parsed(url)
    if not isinstance(place, Repository):
        return FolderSource(place.as_uri(), timeout_s)
    from .repository import HuggingFaceSource

    return HuggingFaceSource(place, timeout_s)


huggingface = SourceKind(("hf",), _open)
