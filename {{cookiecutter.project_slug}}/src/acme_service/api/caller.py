"""Who is asking."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import SecurityScopes
from starlette.requests import HTTPConnection


@dataclass(frozen=True, slots=True)
class Caller:
    """The one who sent the request; `scopes` are what they may do."""

    id: str = "anonymous"
    scopes: frozenset[str] = field(default_factory=frozenset)


ANONYMOUS = Caller()


async def caller_of(connection: HTTPConnection, needed: SecurityScopes) -> Caller:
    """Who is asking. A route that says `Security(caller_of, scopes=[…])` is for those who have
    all of these scopes; nobody has any where callers are not asked who they are.
    """
    caller = getattr(connection.state, "caller", ANONYMOUS)
    demand(caller, needed)
    return caller


def demand(caller: Caller, needed: SecurityScopes) -> None:
    """Raises HTTPException (403), which names what is missing, when the caller lacks a scope."""
    missing = [scope for scope in needed.scopes if scope not in caller.scopes]
    if missing:
        challenge = f'Bearer error="insufficient_scope", scope="{needed.scope_str}"'
        raise HTTPException(
            403, f"The scope {' and '.join(missing)} is needed.", {"WWW-Authenticate": challenge}
        )


CurrentCaller = Annotated[Caller, Depends(caller_of)]
