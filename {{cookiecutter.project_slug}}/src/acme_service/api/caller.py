"""Who is asking."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from fastapi.security import SecurityScopes
from starlette.requests import HTTPConnection

from .errors import ProblemError


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
    if not caller.scopes.issuperset(needed.scopes):
        raise ProblemError(403, "This needs a scope that the caller does not have.")
    return caller


CurrentCaller = Annotated[Caller, Depends(caller_of)]
