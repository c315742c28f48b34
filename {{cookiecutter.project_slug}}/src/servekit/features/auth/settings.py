"""Settings: accounts, identity provider, and the secrets that sign tokens."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from servekit.settings import CommaList, Settings, split_commas

from .accounts import Account, key_holder, user

SECRET_BYTES = 32
MAX_SECRETS = 8

_ISSUER = re.compile(r"(https://[^/?#@\s]+|http://(localhost|127\.0\.0\.1)(:\d+)?)(/[^?#\s]*)?")

_KEYS = re.compile(r"(https://[^/?#@\s]+|http://(localhost|127\.0\.0\.1)(:\d+)?)/[^#\s]*")


def _long(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    short = any(len(one.get_secret_value().encode()) < SECRET_BYTES for one in secrets)
    if short or not 1 <= len(secrets) <= MAX_SECRETS:
        raise ValueError(
            f"wants 1 to {MAX_SECRETS} secrets of at least {SECRET_BYTES} bytes, joined by commas"
        )
    return secrets


def _each(parse: Callable[[str], Account]) -> Callable[[Any], Any]:
    def parsed(value: Any) -> Any:
        found = [parse(one) if isinstance(one, str) else one for one in split_commas(value)]
        if len({one.name for one in found}) < len(found):
            raise ValueError("has one name twice")
        if len({one.proof for one in found}) < len(found):
            raise ValueError("has one hash twice, so two names would share it")
        return found

    return parsed


def _address(issuer: str) -> str:
    try:
        good = not issuer or (_ISSUER.fullmatch(issuer) and HttpUrl(issuer))
    except ValueError:
        good = False
    if not good:
        raise ValueError("wants an https address, exactly as the provider's tokens say it")
    return issuer


def _keys_address(address: str) -> str:
    if address and not _KEYS.fullmatch(address):
        raise ValueError("wants the https address of a set of keys (JWKS)")
    return address


Secrets = Annotated[
    tuple[SecretStr, ...], NoDecode, BeforeValidator(split_commas), AfterValidator(_long)
]
Users = Annotated[tuple[Account, ...], NoDecode, BeforeValidator(_each(user))]
KeyHolders = Annotated[tuple[Account, ...], NoDecode, BeforeValidator(_each(key_holder))]


class AuthSettings(Settings):
    """Authentication.

    secrets: the first signs tokens, all are accepted. To change it, put a new one in front, and
        drop the old one when the last token that it signed has expired.
    users: accounts with passwords, as `make user` prints them.
    api_keys: accounts with keys, as `make key` prints them.
    issuer: the address of the identity provider whose tokens are accepted.
    audience: the audiences of which such a token has to name one.
    keys_url: where the provider's keys are, if its tokens have another issuer than its discovery.
    scope_claims: the claims of such a token that hold its scopes.
    scope_prefix: what the provider puts before each scope, such as `churn/`.
    token_lifetime_s: how long a token of the service's own is good for.
    """

    model_config = SettingsConfigDict(env_prefix="AUTH_")

    secrets: Secrets = Field(default=(), validate_default=True)
    users: Users = ()
    api_keys: KeyHolders = ()
    issuer: Annotated[str, AfterValidator(_address)] = ""
    audience: CommaList = ()
    keys_url: Annotated[str, AfterValidator(_keys_address)] = ""
    scope_claims: CommaList = ("scope", "scp")
    scope_prefix: str = ""
    token_lifetime_s: int = Field(default=3600, ge=60, le=86_400)

    @model_validator(mode="after")
    def _has_an_account(self) -> Self:
        if bool(self.issuer) != bool(self.audience):
            raise ValueError("AUTH_ISSUER and AUTH_AUDIENCE need each other: set both or neither")
        if self.keys_url and not self.issuer:
            raise ValueError("AUTH_KEYS_URL needs AUTH_ISSUER")
        if not (self.users or self.api_keys or self.issuer):
            raise ValueError(
                "AUTH_USERS, AUTH_API_KEYS and AUTH_ISSUER are all empty, so every request would "
                "be refused: set one of them"
            )
        return self
