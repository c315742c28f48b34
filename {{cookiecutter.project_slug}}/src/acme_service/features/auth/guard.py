"""Lets in who is known and may do what is asked, and tells OpenAPI how one gets known."""

from inspect import Parameter, Signature
from typing import Annotated, Any

from fastapi import Depends, HTTPException
from fastapi.openapi import models
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from acme_service.api.caller import Caller, demand

from .bearer import BearerTokens
from .keys import HEADER, ApiKeys
from .known import SCOPES
from .settings import AuthSettings
from .signing_keys import discovery_address


class Scheme(SecurityBase):
    """A way to get known, for OpenAPI. It decides nothing."""

    def __init__(self, name: str, model: models.SecurityBase) -> None:
        self.scheme_name = name
        self.model = model

    async def __call__(self) -> Any:
        return None


def schemes(settings: AuthSettings) -> list[Scheme]:
    """The ways that these settings leave open."""
    found = []
    if settings.users:
        flow = models.OAuthFlowPassword(tokenUrl="v1/token", scopes=SCOPES)
        found.append(Scheme("password", models.OAuth2(flows=models.OAuthFlows(password=flow))))
    if settings.api_keys:
        place: dict[str, Any] = {"in": models.APIKeyIn.header}
        found.append(Scheme("key", models.APIKey(name=HEADER, **place)))
    if settings.issuer:
        address = discovery_address(settings.issuer)
        found.append(Scheme("provider", models.OpenIdConnect(openIdConnectUrl=address)))
    return found


class Guard(Scheme):
    """A dependency that gives the caller, and leaves them in the request's state.

    Every refusal of a credential reads the same: what was wrong with it is nobody's business.

    It is itself the first of the schemes, and needs the others only so that OpenAPI shows them:
    each dependency costs a request some ten microseconds.
    """

    def __init__(self, tokens: BearerTokens, keys: ApiKeys, settings: AuthSettings) -> None:
        first, *others = schemes(settings)
        super().__init__(first.scheme_name, first.model)
        self._tokens = tokens
        self._keys = keys
        needs = {"connection": HTTPConnection, "needed": SecurityScopes}
        needs |= {one.scheme_name: Annotated[Any, Depends(one)] for one in others}
        self.__signature__ = Signature(
            [
                Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind)
                for name, kind in needs.items()
            ]
        )

    async def __call__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, connection: HTTPConnection, needed: SecurityScopes, **_: Any
    ) -> Caller:
        caller = await self._caller(connection)
        if caller is None:
            raise HTTPException(
                401, "A valid token or key is needed.", {"WWW-Authenticate": "Bearer"}
            )
        connection.state.caller = caller
        demand(caller, needed)
        return caller

    async def _caller(self, connection: HTTPConnection) -> Caller | None:
        headers = connection.headers
        if (key := headers.get(HEADER)) is not None:
            return self._keys.caller(key)
        kind, _, token = headers.get("authorization", "").partition(" ")
        return await self._tokens.caller(token.strip()) if kind.lower() == "bearer" else None
