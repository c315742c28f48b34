"""Sets `Cache-Status` (RFC 9211): whether an answer was cached."""

from collections.abc import Iterable
from contextvars import ContextVar

from starlette.types import Scope

from servekit.api.exchange import Exchange, ExchangeHooks, Header

FRESH = frozenset({b"no-cache", b"no-store", b"max-age=0"})
"""Directives of a request that wants no cached answer."""


class Lookup:
    """What one request wants of the cache, and what it got.

    fresh: it wants no cached answer.
    secret: its answers may not be cached either.
    """

    __slots__ = ("collapsed", "fresh", "hits", "misses", "secret")

    def __init__(self, fresh: bool = False, secret: bool = False) -> None:
        self.fresh = fresh
        self.secret = secret
        self.hits = self.misses = 0
        self.collapsed = False

    def forget(self) -> None:
        """Count hits as misses: what was found is outdated."""
        self.hits, self.misses = 0, self.hits + self.misses

    def header(self, cache: str) -> str | None:
        """The value of Cache-Status; None when the cache had no part in the answer.

        cache: what this cache is called among the others on the way.
        """
        if not self.hits + self.misses:
            return None
        if not self.misses:
            return f"{cache}; hit"
        if self.fresh:
            return f"{cache}; fwd=request"
        if self.hits:
            return f'{cache}; fwd=partial; detail="{self.hits} of {self.hits + self.misses}"'
        return f"{cache}; fwd=miss; collapsed" if self.collapsed else f"{cache}; fwd=miss"


_current: ContextVar[Lookup | None] = ContextVar("lookup", default=None)


def current_lookup() -> Lookup:
    """The lookup of the current request; outside of one, a lookup that is never read."""
    return _current.get() or Lookup()


def cache_hooks(name: str | None) -> ExchangeHooks:
    """Heed `Cache-Control` of requests, and set `Cache-Status` of answers.

    Args:
        name: What this cache is called among the others on the way; None sets no header.
    """

    def begin(exchange: Exchange) -> None:
        _current.set(wanted(exchange.scope))

    if name is None:
        return ExchangeHooks(begin=begin)

    def headers(_: Exchange) -> Iterable[Header]:
        status = current_lookup().header(name)
        return [(b"cache-status", status.encode())] if status else ()

    return ExchangeHooks(begin=begin, headers=headers)


def wanted(scope: Scope) -> Lookup:
    values = [value for name, value in scope["headers"] if name == b"cache-control"]
    if not values:
        return Lookup()
    directives = {one.strip() for one in b",".join(values).lower().split(b",")}
    return Lookup(fresh=not FRESH.isdisjoint(directives), secret=b"no-store" in directives)
