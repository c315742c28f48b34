"""Who is asking."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection


@dataclass(frozen=True, slots=True)
class Caller:
    """The one who sent the request; `scopes` are what they may do."""

    id: str = "anonymous"
    scopes: frozenset[str] = field(default_factory=frozenset)


ANONYMOUS = Caller()


async def caller_of(connection: HTTPConnection) -> Caller:
    return getattr(connection.state, "caller", ANONYMOUS)


CurrentCaller = Annotated[Caller, Depends(caller_of)]
