"""Models in a bucket of S3, Google Cloud or Azure, or below an address of the web, by obstore.

Nothing here is imported before `MODEL_STORE` names such a place, the client library included.
"""

from servekit.registry.sources.source import ModelSource, SourceKind


def _open(url: str, timeout_s: float) -> ModelSource:
    from .bucket import CloudStorageSource, WebSource
    from .bucket_url import checked, connected

    where = checked(url)
    store = connected(where, timeout_s)
    kind = WebSource if where.startswith("http") else CloudStorageSource
    return kind(store, where, timeout_s)


cloud_storage = SourceKind(("s3", "gs", "az", "https", "http"), _open)
