"""Models in a repository of the Hugging Face Hub."""

from acme_service.models.sources.source import ModelSource, SourceKind


def _open(url: str, timeout_s: float) -> ModelSource:
    raise NotImplementedError


huggingface = SourceKind(("hf",), _open)
