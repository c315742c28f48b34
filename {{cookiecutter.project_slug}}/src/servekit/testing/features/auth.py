"""An account and API keys of the tests."""

from pwdlib.hashers.argon2 import Argon2Hasher

from servekit.features.auth.accounts import SCOPES, Account
from servekit.features.auth.credentials import new_key
from servekit.features.auth.settings import AuthSettings
from servekit.features.auth.tokens import OwnTokens
from servekit.testing.project import tested

NAME = "visitor"
PASSWORD = "correct horse battery staple"
SECRET = "a secret of the tests that has 32 bytes and more"
KEY = new_key(NAME, SCOPES)
OTHER_KEY = new_key("other", SCOPES)
"""Of another caller."""

# As weak as argon2 allows, because every test that logs in waits for it.
WEAK = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
USER = Account(NAME, frozenset(SCOPES), WEAK.hash(PASSWORD))

SETTINGS = {
    "AUTH_SECRETS": SECRET,
    "AUTH_USERS": USER.entry(),
    "AUTH_API_KEYS": f"{KEY.entry},{OTHER_KEY.entry}",
    "LOAD_HEADER": f"X-API-Key: {KEY.secret}",
}
HEADERS = {"X-API-Key": KEY.secret}


def knowing(**known: object) -> AuthSettings:
    """Settings with what is given, and nothing else out of the environment."""
    nothing = {"secrets": (SECRET,), "users": (), "api_keys": (), "issuer": "", "audience": ""}
    return AuthSettings.model_validate(nothing | known)


def token(*scopes: str) -> str:
    """A token of the visitor's."""
    settings = knowing(users=(USER,), token_lifetime_s=86_400)
    return OwnTokens(settings, tested().wiring.service.slug).issue(NAME, scopes or SCOPES)


STORAGE = {"credential": token()}
