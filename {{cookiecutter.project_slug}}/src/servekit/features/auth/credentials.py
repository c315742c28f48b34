"""Makes passwords, keys and secrets, and their entries in settings."""

import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .accounts import KEY_HEADER, SCOPES, Account, digest
from .passwords import hashing
from .settings import SECRET_BYTES

LOCAL = "local"

MIN_PASSWORD_CHARS = 12


class Issued(NamedTuple):
    """A secret for its holder, and the entry for the settings."""

    secret: str
    entry: str


def new_user(name: str, scopes: Iterable[str], password: str = "") -> Issued:
    """Make a user, with a random password by default.

    Raises:
        ValueError: The password is too short, or as Account does.
    """
    if password and len(password) < MIN_PASSWORD_CHARS:
        raise ValueError(f"A password has at least {MIN_PASSWORD_CHARS} characters.")
    password = password or secrets.token_urlsafe(16)
    return Issued(password, Account(name, frozenset(scopes), hashing.hash(password)).entry())


def new_key(name: str, scopes: Iterable[str]) -> Issued:
    """Make an API key. Raises ValueError as Account does."""
    key = secrets.token_urlsafe(SECRET_BYTES)
    return Issued(key, Account(name, frozenset(scopes), digest(key)).entry())


def fill(path: Path) -> str:
    """Put new secrets, a user and a key into a file of settings; return the password.

    The key itself is put there too, for requests from this machine.

    Raises:
        ValueError: The file lacks a line of `.env.example` to fill in.
    """
    user, key = new_user(LOCAL, SCOPES), new_key(LOCAL, SCOPES)
    values = {
        "AUTH_SECRETS": secrets.token_urlsafe(SECRET_BYTES),
        "AUTH_USERS": user.entry,
        "AUTH_API_KEYS": key.entry,
    }
    text = path.read_text(encoding="utf-8")
    for name, value in values.items():
        text, times = re.subn(f"^#?{name}=$", f"{name}={value}", text, flags=re.MULTILINE)
        if times != 1:
            raise ValueError(f"{path} has no line `{name}=` to fill in.")
    note = "# The key in AUTH_API_KEYS, for requests from this machine: `make load` sends it."
    path.chmod(0o600)
    path.write_text(f"{text}{note}\nLOAD_HEADER={KEY_HEADER}: {key.secret}\n", encoding="utf-8")
    return user.secret
