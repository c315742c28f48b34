"""Equal questions have equal keys."""

from hashlib import blake2b

from acme_service.ports import Query


def key_of(query: Query) -> str:
    """The same for all queries that every model answers alike, and for no others.

    A digest: a text may be long, and is nobody's business who reads the store.
    """
    allowed = tuple(sorted(set(query.allowed)))
    decisive = (query.preferred, query.tie_margin) if query.preferred and query.tie_margin else ()
    canonical = f"{allowed!r}{decisive!r}{query.text}"
    return blake2b(canonical.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
