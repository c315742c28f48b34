"""Sets `Cache-Status` (RFC 9211): whether an answer was cached."""

from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

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


class CacheStatus:
    """Heeds `Cache-Control` of requests, and sets `Cache-Status` of answers."""

    def __init__(self, app: ASGIApp, name: str) -> None:
        self.app = app
        self.name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        lookup = wanted(scope)
        _current.set(lookup)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and (status := lookup.header(self.name)):
                message["headers"] = [*message["headers"], (b"cache-status", status.encode())]
            await send(message)

        await self.app(scope, receive, answer)


def wanted(scope: Scope) -> Lookup:
    directives = {
        directive.strip()
        for name, value in scope["headers"]
        if name == b"cache-control"
        for directive in value.lower().split(b",")
    }
    return Lookup(fresh=not FRESH.isdisjoint(directives), secret=b"no-store" in directives)
