"""Authentication and scopes: users with passwords, API keys, tokens of an identity provider.

The rest of the service sees one `Principal`, whatever the credentials were.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Security
from starlette.middleware import Middleware

from servekit.api import Feature

from .accounts import KEY_HEADER, ApiKeys
from .bearer import BearerTokens
from .guard import Authentication, schemes
from .jwks import SigningKeys
from .oidc import IdentityProvider
from .routes import account_router, token_router
from .settings import AuthSettings
from .subprotocol import CredentialSubprotocol
from .tokens import OwnTokens

NEEDED = ["predict"]
"""The scopes that every model route requires."""


def auth(settings: AuthSettings | None = None, *, service: str) -> Feature:
    """Guards every model route with the scope `predict`; `POST /v1/token` and `GET /v1/me`.

    Args:
        settings: Read from the environment by default.
        service: Issuer and audience of the tokens that are signed here.
    """
    settings = settings or AuthSettings.load()
    own = OwnTokens(settings, service)
    keys = SigningKeys(settings.issuer, settings.keys_url) if settings.issuer else None
    provider = IdentityProvider(settings, keys) if keys else None
    callers = Authentication(BearerTokens(own, provider), ApiKeys(settings.api_keys))
    ways_in = schemes(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if not keys:
            yield
            return
        async with keys.kept_fresh():
            yield

    return Feature(
        name="auth",
        guards=[callers.requiring(*NEEDED)],
        security=[Security(scheme, scopes=NEEDED) for scheme in ways_in],
        credentials=["Authorization", KEY_HEADER],
        refusals=[401, 403],
        middleware=[Middleware(CredentialSubprotocol)],
        routers=[account_router(callers, ways_in)],
        sign_in_routers=[token_router(own)] if settings.users else [],
        lifespan=lifespan,
    )
