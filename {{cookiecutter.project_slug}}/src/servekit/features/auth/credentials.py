"""New passwords, keys and secrets, and the settings that know them."""

import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .accounts import KEY_HEADER, SCOPES, Account, digest
from .passwords import hashing
from .settings import SECRET_BYTES

LOCAL = "local"


class Made(NamedTuple):
    """What its holder keeps, and what stands in the settings."""

    secret: str
    entry: str


def new_user(name: str, scopes: Iterable[str], password: str = "") -> Made:
    """password: a random one by default. Raises ValueError as Account does."""
    password = password or secrets.token_urlsafe(16)
    return Made(password, Account(name, frozenset(scopes), hashing.hash(password)).entry())


def new_key(name: str, scopes: Iterable[str]) -> Made:
    """Raises ValueError as Account does."""
    key = secrets.token_urlsafe(SECRET_BYTES)
    return Made(key, Account(name, frozenset(scopes), digest(key)).entry())


def fill(path: Path) -> str:
    """Put fresh secrets, one user and one key into a file of settings; gives the password.

    The key itself is kept there too, for those who ask from this machine. Raises ValueError
    when the file has another place for them than `.env.example`.
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
    note = "# The key in AUTH_API_KEYS, for whoever asks from this machine: `make load` sends it."
    path.chmod(0o600)
    path.write_text(f"{text}{note}\nLOAD_HEADER={KEY_HEADER}: {key.secret}\n", encoding="utf-8")
    return user.secret
