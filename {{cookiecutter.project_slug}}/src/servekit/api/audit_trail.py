"""Writes what clients did, and what they were refused, to the audit trail.

A request is written down when it ends, with its status, if something has noted what it was about
or if it was refused: over HTTP, over a WebSocket and over gRPC alike.
"""

from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Scope

from servekit import audit

from .client_address import address_of, site_of
from .exchange import Exchange, ExchangeHooks

NOTED = "audit"
"""The key in `scope["state"]` of what was noted."""

REFUSED = frozenset({401, 403, 429})
"""Statuses of requests that are written down, whatever was noted."""


def note(connection: HTTPConnection, event: str | None = None, **facts: Any) -> None:
    """Note what a request is about, for its line in the audit trail.

    Args:
        connection: The request or WebSocket.
        event: What kind of event it is; without one, there is a line only if it is refused.
        facts: What else the line has. `principal` is that of the request by default.

    Raises:
        ValueError: A fact has a name that each line has already, or each record of `logging`.
    """
    if taken := sorted(facts.keys() & audit.TAKEN):
        raise ValueError(f"A fact in the audit trail cannot be called {taken[0]!r}.")
    noted = connection.scope["state"].setdefault(NOTED, {})
    noted |= facts | ({"event": event} if event else {})


def note_refused_message(connection: HTTPConnection, status: int) -> None:
    """Write that a message was refused; the WebSocket that it came over goes on.

    Args:
        connection: The WebSocket.
        status: Of the problem that it was answered with.
    """
    if status in REFUSED:
        settings = connection.app.state.settings
        _write(connection.scope, settings.trusted_hops, {"status": status})


def _at_the_end(exchange: Exchange) -> None:
    noted = exchange.scope["state"].get(NOTED)
    if exchange.status in REFUSED or (noted and "event" in noted):
        hops = exchange.app.state.settings.trusted_hops
        _write(exchange.scope, hops, {"status": exchange.status})


def _write(scope: Scope, trusted_hops: int, outcome: dict[str, Any]) -> None:
    state = scope["state"]
    caller = state.get("caller")
    address = address_of(scope, trusted_hops)
    facts = {
        "event": "refusal",
        "method": scope.get("method", "WebSocket"),
        "path": scope["path"],
        "address": address,
        **outcome,
        **({"principal": caller.id} if caller else {}),
        **state.get(NOTED, {}),
    }
    if outcome["status"] >= 400:
        # All have one address behind a proxy that is not trusted to say theirs.
        source = str(facts.get("principal") or site_of(address))
        audit.record_refusal(facts.pop("event"), source, **facts)
    else:
        audit.record(**facts)


AUDIT_HOOKS = ExchangeHooks(end=_at_the_end, closed=_at_the_end)
