"""Authenticates callers, and describes the schemes to OpenAPI."""

from typing import Any

from fastapi import HTTPException
from fastapi.openapi import models
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from servekit.api.audit_trail import note
from servekit.api.feature import Guard
from servekit.api.principal import Principal, demand

from .accounts import KEY_HEADER, SCOPES, ApiKeys
from .bearer import BearerTokens
from .jwks import discovery_address
from .settings import AuthSettings


class Scheme(SecurityBase):
    """A security scheme for OpenAPI. It checks nothing."""

    checks_nothing = True

    def __init__(self, name: str, model: models.SecurityBase) -> None:
        self.scheme_name = name
        self.model = model

    async def __call__(self) -> None:
        return None


def schemes(settings: AuthSettings) -> list[Scheme]:
    """Return the schemes that these settings enable."""
    found = []
    if settings.users:
        flow = models.OAuthFlowPassword(tokenUrl="v1/token", scopes=SCOPES)
        found.append(Scheme("password", models.OAuth2(flows=models.OAuthFlows(password=flow))))
    if settings.api_keys:
        place: dict[str, Any] = {"in": models.APIKeyIn.header}
        found.append(Scheme("key", models.APIKey(name=KEY_HEADER, **place)))
    if settings.issuer:
        address = discovery_address(settings.issuer)
        found.append(Scheme("provider", models.OpenIdConnect(openIdConnectUrl=address)))
    return found


class Authentication:
    """Authenticates a request, and leaves its principal in the state of the request.

    Every refusal of a credential reads the same, and does not say what was wrong with it.
    """

    def __init__(self, tokens: BearerTokens, keys: ApiKeys) -> None:
        self._tokens = tokens
        self._keys = keys

    async def authenticate(self, connection: HTTPConnection) -> Principal:
        """Authenticate a connection. Raises HTTPException (401) without a valid credential."""
        caller = await self._caller(connection)
        if caller is None:
            raise HTTPException(
                401, "A valid token or key is needed.", {"WWW-Authenticate": "Bearer"}
            )
        connection.state.caller = caller
        return caller

    def requiring(self, *scopes: str) -> Guard:
        """Return a guard that refuses callers without these scopes."""
        needed = SecurityScopes([*scopes])

        async def guard(connection: HTTPConnection) -> None:
            demand(await self.authenticate(connection), needed, connection)

        return guard

    async def _caller(self, connection: HTTPConnection) -> Principal | None:
        headers = connection.headers
        if (key := headers.get(KEY_HEADER)) is not None:
            caller, reason = self._keys.authenticate(key), "unknown key"
        else:
            kind, _, token = headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer":
                caller, reason = None, "no credential"
            else:
                caller, reason = await self._tokens.authenticate(token.strip()), "invalid token"
        if caller is None:
            note(connection, reason=reason)
        return caller
