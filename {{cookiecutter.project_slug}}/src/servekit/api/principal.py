"""The principal of a request: the authenticated caller."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import SecurityScopes
from starlette.requests import HTTPConnection
from starlette.types import Scope

from .audit_trail import note
from .client_address import UNKNOWN, address_of, site_of


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller; `scopes` are what it may do."""

    id: str = "anonymous"
    scopes: frozenset[str] = field(default_factory=frozenset)


ANONYMOUS = Principal()

SHARED_PEER = "servekit.shared_peer"
"""Whether all connections come from one proxy, whose address is then no caller's."""


def caller_of(scope: Scope) -> str:
    """Name the caller of a request: by principal, else by address; "" for an unknown one."""
    principal: Principal = scope["state"].get("caller", ANONYMOUS)
    if principal.id != ANONYMOUS.id:
        return f"caller:{principal.id}"
    return caller_by_address(scope, scope["app"].state.settings.trusted_hops)


def caller_by_address(scope: Scope, trusted_hops: int) -> str:
    """Name the caller of a request by its address alone; "" for an unknown one."""
    if scope.get(SHARED_PEER) and not trusted_hops:
        return ""
    address = address_of(scope, trusted_hops)
    return "" if address == UNKNOWN else f"address:{site_of(address)}"


async def current_principal(connection: HTTPConnection, needed: SecurityScopes) -> Principal:
    """The principal of a request.

    A route with `Security(current_principal, scopes=[…])` requires all of these scopes. Without
    a feature that authenticates, no caller has any.
    """
    caller = getattr(connection.state, "caller", ANONYMOUS)
    demand(caller, needed, connection)
    return caller


def demand(
    caller: Principal, needed: SecurityScopes, connection: HTTPConnection | None = None
) -> None:
    """Check the scopes of a caller.

    Args:
        caller: The principal.
        needed: All of these.
        connection: What it has asked for; the audit trail has the reason then.

    Raises:
        HTTPException: 403, which names what is missing.
    """
    missing = [scope for scope in needed.scopes if scope not in caller.scopes]
    if missing:
        if connection is not None:
            note(connection, reason="missing scope", missing=missing)
        challenge = f'Bearer error="insufficient_scope", scope="{needed.scope_str}"'
        raise HTTPException(
            403, f"The scope {' and '.join(missing)} is needed.", {"WWW-Authenticate": challenge}
        )


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]
