"""Routes: a token for a password, and the current principal."""

from collections.abc import Iterable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Request, Response, Security
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import BaseModel

from servekit.api.audit_trail import note
from servekit.api.errors import documented
from servekit.api.principal import Principal

from .guard import Authentication, Scheme
from .passwords import Passwords
from .tokens import OwnTokens


class TokenOut(BaseModel):
    """As RFC 6749 words it; `expires_in` is in seconds."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105
    expires_in: int
    scope: str


class CallerOut(BaseModel):
    id: str
    scopes: list[str]


def token_router(tokens: OwnTokens) -> APIRouter:
    router = APIRouter(prefix="/v1/token", tags=["auth"])
    passwords = Passwords(tokens.users)

    @router.post("", responses=documented([400, 401, 413, 422, 503]))
    async def token(
        form: Annotated[OAuth2PasswordRequestForm, Depends()],
        request: Request,
        response: Response,
    ) -> TokenOut:
        """A token for a user's name and password, with the scopes asked for, or all of theirs."""
        # Not a name that no user has: it may be a password in the wrong field.
        note(request, "sign-in", principal=passwords.existing_name(form.username))
        if not await passwords.match(form.username, form.password):
            raise HTTPException(
                401, "The name or the password is wrong.", {"WWW-Authenticate": "Bearer"}
            )
        response.headers["Cache-Control"] = "no-store"
        scopes = tokens.granted(form.username, form.scopes)
        note(request, scopes=sorted(scopes))
        return TokenOut(
            access_token=tokens.issue(form.username, scopes),
            expires_in=tokens.lifetime_s,
            scope=" ".join(sorted(scopes)),
        )

    return router


def account_router(callers: Authentication, ways_in: Iterable[Scheme]) -> APIRouter:
    needs = [Security(scheme) for scheme in ways_in]
    router = APIRouter(prefix="/v1/me", tags=["auth"], dependencies=needs)

    @router.get("", responses=documented([401, 503]))
    async def me(
        caller: Annotated[Principal, Depends(callers.authenticate)], response: Response
    ) -> CallerOut:
        """The current principal and its scopes."""
        response.headers["Cache-Control"] = "no-store"
        return CallerOut(id=caller.id, scopes=sorted(caller.scopes))

    return router
