"""Users and API keys: their encoding in settings, and the account of a key."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from pwdlib.hashers.argon2 import Argon2Hasher

from servekit.api.principal import Principal

KEY_HEADER = "X-API-Key"
MAX_KEY_CHARS = 256
SCOPES = {"predict": "Ask the models.", "admin": "Change how the service works."}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True, slots=True)
class Account:
    """A user, or the holder of an API key.

    proof: a hash of the secret: argon2 for a password, SHA-256 for a key.

    Raises ValueError when the name or a scope cannot be used.
    """

    name: str
    scopes: frozenset[str]
    proof: str = field(repr=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError("a name has 1 to 64 letters, digits and . _ @ -")
        if not self.scopes <= SCOPES.keys():
            raise ValueError(f"the scopes are {' and '.join(SCOPES)}, joined by +")

    def entry(self) -> str:
        """Return the entry for a setting.

        Password hashes have commas and dollar signs, which shells and Compose files interpret, so
        they are encoded once more.
        """
        proof = self.proof
        if Argon2Hasher.identify(proof):
            proof = urlsafe_b64encode(proof.encode()).decode().rstrip("=")
        return f"{self.name}:{'+'.join(sorted(self.scopes))}:{proof}"


def user(entry: str) -> Account:
    """Parse an entry of AUTH_USERS.

    Raises ValueError, without repeating the entry: cut wrongly, it may hold a secret.
    """
    name, scopes, encoded = _parts(entry)
    try:
        proof = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("ascii")
    except ValueError:
        proof = ""
    if not Argon2Hasher.identify(proof):
        raise ValueError("wants entries as `make user` prints them, joined by commas")
    return Account(name, scopes, proof)


def key_holder(entry: str) -> Account:
    """Parse an entry of AUTH_API_KEYS. Raises ValueError, without repeating the entry."""
    name, scopes, proof = _parts(entry)
    if not re.fullmatch("[0-9a-f]{64}", proof):
        raise ValueError("wants entries as `make key` prints them, joined by commas")
    return Account(name, scopes, proof)


def _parts(entry: str) -> tuple[str, frozenset[str], str]:
    name, _, rest = entry.partition(":")
    scopes, _, proof = rest.partition(":")
    return name, frozenset(filter(None, scopes.split("+"))), proof


def digest(key: str) -> str:
    """What the service keeps of a key. Keys are long and random, so nothing slower is needed."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class ApiKeys:
    """Knows the principals of keys."""

    def __init__(self, holders: Iterable[Account]) -> None:
        # A user of the same name is another principal: no name can have the prefix.
        self._callers = {one.proof: Principal(f"key:{one.name}", one.scopes) for one in holders}

    def authenticate(self, key: str) -> Principal | None:
        """The principal of a key, or None for an unknown key."""
        return self._callers.get(digest(key)) if len(key) <= MAX_KEY_CHARS else None
